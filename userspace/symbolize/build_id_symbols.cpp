// SPDX-License-Identifier: Apache-2.0
#include "build_id_symbols.h"

#include <bcc/bcc_elf.h>
#include <bcc/bcc_syms.h>
#include <cxxabi.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <elf.h>
#include <optional>

namespace iris::symbolize {
namespace {

constexpr std::size_t kMaxSymbolBytes = 1024;

struct Segment {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint64_t file_offset = 0;
};

struct Extent {
  std::uint64_t start = 0;
  std::uint64_t address = 0;
  bool covered = false;
};

int collect_segment(std::uint64_t address, std::uint64_t bytes, std::uint64_t file_offset, void* payload) {
  static_cast<std::vector<Segment>*>(payload)->push_back({address, bytes, file_offset});
  return 0;
}

int check_extent(const char*, std::uint64_t start, std::uint64_t bytes, void* payload) {
  auto* extent = static_cast<Extent*>(payload);
  extent->covered = start == extent->start && extent->address - start < bytes;
  return extent->covered ? -1 : 0;
}

std::optional<bpf_stack_build_id> to_key(const std::string& hex, std::uint64_t address) {
  bpf_stack_build_id key{};
  if (hex.size() != 2 * sizeof key.build_id) return std::nullopt;
  key.status = BPF_STACK_BUILD_ID_VALID;
  key.offset = address;
  for (std::size_t i = 0; i < sizeof key.build_id; ++i) {
    const char* digits = hex.data() + 2 * i;
    if (std::from_chars(digits, digits + 2, key.build_id[i], 16).ptr != digits + 2) return std::nullopt;
  }
  return key;
}

std::string demangled(const char* name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = text != nullptr ? text : name;
  std::free(text);
  if (result.size() > kMaxSymbolBytes) result.resize(kMaxSymbolBytes);
  return result;
}

}  // namespace

struct BuildIdSymbols::Module {
  std::string path;
  std::string by_fd;  // the same file, whatever happens to the path
  base::UniqueFd fd;
  std::vector<Segment> segments;

  // The symbol table speaks of addresses, the kernel of offsets in the file.
  std::optional<std::uint64_t> address_of(std::uint64_t offset) const {
    for (const Segment& segment : segments) {
      if (offset >= segment.file_offset && offset - segment.file_offset < segment.bytes) {
        return segment.address + (offset - segment.file_offset);
      }
    }
    return std::nullopt;
  }

  // BCC gives the nearest symbol below, however far; here it must reach.
  bool covers(std::uint64_t start, std::uint64_t address) const {
    bcc_symbol_option option{1, 1, 1, (1U << STT_FUNC) | (1U << STT_GNU_IFUNC)};
    Extent extent{start, address, false};
    return bcc_elf_foreach_sym(by_fd.c_str(), check_extent, &option, &extent) == 0 && extent.covered;
  }
};

BuildIdSymbols::BuildIdSymbols() : cache_(bcc_buildsymcache_new()) {}
BuildIdSymbols::~BuildIdSymbols() { bcc_free_buildsymcache(cache_); }

void BuildIdSymbols::add(const std::string& path, const std::vector<std::string>& wanted) {
  // Not blocking: the container may have put a pipe in the file's place.
  base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;

  auto module = std::make_unique<Module>();
  module->path = path;
  module->by_fd = "/proc/self/fd/" + std::to_string(fd.get());
  module->fd = std::move(fd);
  std::string build_id(2 * BPF_BUILD_ID_SIZE + 1, '\0');
  if (bcc_elf_get_buildid(module->by_fd.c_str(), build_id.data()) < 0) return;
  build_id.resize(2 * BPF_BUILD_ID_SIZE);
  if (modules_.contains(build_id) || std::find(wanted.begin(), wanted.end(), build_id) == wanted.end()) return;
  if (bcc_elf_foreach_load_section(module->by_fd.c_str(), collect_segment, &module->segments) < 0) return;
  if (bcc_buildsymcache_add_module(cache_, module->by_fd.c_str()) < 0) return;
  modules_[build_id] = std::move(module);
}

SymbolName BuildIdSymbols::resolve(const std::string& build_id, std::uint64_t file_offset, bool return_address) const {
  SymbolName result;
  const auto found = modules_.find(build_id);
  if (found == modules_.end()) return result;
  const Module& module = *found->second;
  result.module = module.path;

  const auto address = module.address_of(return_address && file_offset > 0 ? file_offset - 1 : file_offset);
  if (!address) return result;
  auto key = to_key(build_id, *address);
  bcc_symbol symbol{};
  if (!key || bcc_buildsymcache_resolve(cache_, &*key, &symbol) != 0 || symbol.name == nullptr) return result;
  if (module.covers(*address - symbol.offset, *address)) result.symbol = demangled(symbol.name);
  return result;
}

}  // namespace iris::symbolize
