// SPDX-License-Identifier: Apache-2.0
#include "daemon/idle_pages.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace iris::daemon {
namespace {

struct Mapping {
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  bool of_file = false;   // private and not writable
  bool changed = false;   // has pages of its own: relocations that were made read-only, a debugger's breakpoint
  std::size_t resident = 0;
};

/// "7f00-7f10 r-xp 00001000 08:01 42   /lib/x.so"; false: no such line.
bool read_head(const std::string& line, Mapping& mapping) {
  std::array<char, 5> permissions{};
  std::uint64_t inode = 0;
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %" SCNu64, &start, &end, permissions.data(), &inode) != 4) {
    return false;
  }
  mapping = {};
  mapping.start = start;
  mapping.end = end;
  mapping.of_file = inode != 0 && permissions[1] == '-' && permissions[3] == 'p';
  return true;
}

/// "Rss:      12 kB" under `name`.
bool read_field(std::string_view line, std::string_view name, std::size_t& bytes) {
  if (!line.starts_with(name)) return false;
  line.remove_prefix(name.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  std::size_t kib = 0;
  std::from_chars(line.data(), line.data() + line.size(), kib);
  bytes = kib * 1024;
  return true;
}

}  // namespace

base::Result<std::size_t> drop_idle_pages() {
  malloc_trim(0);
  std::ifstream file("/proc/self/smaps");
  std::vector<Mapping> mappings;
  Mapping mapping;
  const auto keep = [&] {
    if (mapping.of_file && !mapping.changed && mapping.resident > 0) mappings.push_back(mapping);
  };
  for (std::string line; std::getline(file, line);) {
    std::size_t bytes = 0;
    Mapping next;
    if (read_head(line, next)) {
      keep();
      mapping = next;
    } else if (read_field(line, "Rss:", bytes)) {
      mapping.resident = bytes;
    } else if (read_field(line, "Anonymous:", bytes) || read_field(line, "Swap:", bytes)) {
      mapping.changed = mapping.changed || bytes > 0;
    }
  }
  keep();
  if (file.bad() || mapping.end == 0) return base::fail("cannot read /proc/self/smaps");
  std::size_t dropped = 0;
  for (const Mapping& one : mappings) {
    // Nobody can have written to it since: it is not writable, and libraries are never unloaded.
    if (madvise(reinterpret_cast<void*>(one.start), one.end - one.start, MADV_DONTNEED) == 0) dropped += one.resident;
  }
  return dropped;
}

}  // namespace iris::daemon
