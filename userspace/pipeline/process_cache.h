// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

namespace iris::pipeline {

/// Which executable a process runs, from its exec event; for those that were
/// there before, from one pass over /proc. Bounded: the least recently used go.
/// Processes are told apart by pid and start time, since pids come again.
class ProcessCache {
 public:
  explicit ProcessCache(std::size_t max_processes = 8192) : max_processes_(max_processes) {}

  /// The processes alive at `now_ns` (CLOCK_MONOTONIC). `proc` is for tests.
  void scan(std::uint64_t now_ns, const std::string& proc = "/proc");
  void executed(std::uint32_t pid, std::uint64_t start_ns, std::string executable);
  /// Empty: not known (a child that never executed anything).
  std::string executable(std::uint32_t pid, std::uint64_t start_ns);
  /// Of the process that has this pid now; asks the kernel for one not known.
  std::string executable_now(std::uint32_t pid) const;
  void exited(std::uint32_t pid);

  std::size_t size() const { return by_pid_.size(); }

 private:
  struct Process {
    std::uint32_t pid = 0;
    std::uint64_t start_ns = 0;
    bool scanned = false;  // start_ns is then the latest that it can have
    std::string executable;
  };
  void put(Process process);

  std::size_t max_processes_;
  std::list<Process> by_age_;  // most recently used first
  std::unordered_map<std::uint32_t, std::list<Process>::iterator> by_pid_;
};

/// What /proc/PID/exe names; empty when it cannot be read.
std::string read_executable(std::uint32_t pid, const std::string& proc = "/proc");

}  // namespace iris::pipeline
