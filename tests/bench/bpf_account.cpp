// SPDX-License-Identifier: Apache-2.0
#include "bpf_account.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

namespace iris::bench {
namespace {

// The kernel puts a tab behind the colon.
void take(const std::string& line, const char* name, std::set<std::uint32_t>& ids) {
  if (line.starts_with(name)) ids.insert(static_cast<std::uint32_t>(std::strtoul(line.c_str() + line.find(':') + 1, nullptr, 10)));
}

std::uint64_t memlock_of(int fd) {
  std::ifstream file("/proc/self/fdinfo/" + std::to_string(fd));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("memlock:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

void add_maps_of(std::uint32_t program, std::set<std::uint32_t>& maps) {
  const int fd = bpf_prog_get_fd_by_id(program);
  if (fd < 0) return;
  std::vector<std::uint32_t> ids(256);
  bpf_prog_info info{};
  __u32 size = sizeof info;
  info.nr_map_ids = static_cast<__u32>(ids.size());
  info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0) {
    ids.resize(std::min<std::size_t>(ids.size(), info.nr_map_ids));
    maps.insert(ids.begin(), ids.end());
  }
  close(fd);
}

}  // namespace

BpfHoldings bpf_held_by(pid_t pid) {
  BpfHoldings holdings;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo", error)) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      take(line, "prog_id:", holdings.programs);
      take(line, "map_id:", holdings.maps);
      take(line, "link_id:", holdings.links);
    }
  }
  return holdings;
}

std::map<std::uint32_t, ProgramFigures> program_figures(const std::set<std::uint32_t>& programs) {
  std::map<std::uint32_t, ProgramFigures> figures;
  for (const std::uint32_t id : programs) {
    const int fd = bpf_prog_get_fd_by_id(id);
    if (fd < 0) continue;
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0) {
      figures[id] = {info.name, info.run_cnt, info.run_time_ns, info.verified_insns};
    }
    close(fd);
  }
  return figures;
}

std::uint64_t map_bytes(const BpfHoldings& holdings) {
  std::set<std::uint32_t> maps = holdings.maps;
  for (const std::uint32_t program : holdings.programs) add_maps_of(program, maps);
  std::uint64_t bytes = 0;
  for (const std::uint32_t id : maps) {
    const int fd = bpf_map_get_fd_by_id(id);
    if (fd < 0) continue;
    bytes += memlock_of(fd);
    close(fd);
  }
  return bytes;
}

RunTimeStatistics::RunTimeStatistics() : fd_(bpf_enable_stats(BPF_STATS_RUN_TIME)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "BPF_ENABLE_STATS (root? kernel 5.8 or newer?)");
}

RunTimeStatistics::~RunTimeStatistics() { close(fd_); }

}  // namespace iris::bench
