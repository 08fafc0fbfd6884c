// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace iris::bench {

/// BPF objects that one process holds, by what /proc/PID/fdinfo says of its
/// descriptors: other tracers may run on the same machine.
struct BpfHoldings {
  std::set<std::uint32_t> programs;
  std::set<std::uint32_t> maps;
  std::set<std::uint32_t> links;
};

struct ProgramFigures {
  std::string name;
  std::uint64_t runs = 0;
  std::uint64_t run_time_ns = 0;
  std::uint32_t verified_instructions = 0;
};

BpfHoldings bpf_held_by(pid_t pid);
std::map<std::uint32_t, ProgramFigures> program_figures(const std::set<std::uint32_t>& programs);
/// Kernel memory of the maps, those included that only the programs refer to.
std::uint64_t map_bytes(const BpfHoldings& holdings);

/// The kernel's run-time statistics, on for the lifetime of this object. The
/// kernel itself switches them off with the last descriptor.
class RunTimeStatistics {
 public:
  RunTimeStatistics();
  ~RunTimeStatistics();
  RunTimeStatistics(const RunTimeStatistics&) = delete;
  RunTimeStatistics& operator=(const RunTimeStatistics&) = delete;

 private:
  int fd_;
};

}  // namespace iris::bench
