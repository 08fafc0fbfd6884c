// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace iris::bench {

enum class Output { null, caught };

/// A child process whose words are kept in files, and what /proc says of it.
class Child {
 public:
  Child(const std::vector<std::string>& arguments, Output standard_output);
  /// Runs `body` in a fork.
  explicit Child(const std::function<void()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  /// SIGINT, then after `seconds` SIGKILL; waits. True if it went by itself.
  bool stop(int signal, double seconds);
  /// Waits without limit; the wait status.
  int wait();

  std::string output() const;
  std::string errors() const;

  /// User and system time so far, all threads, dead ones too.
  double cpu_seconds() const;
  std::uint64_t voluntary_switches() const;
  std::uint64_t status_kib(const std::string& field) const;  // "VmHWM", "VmRSS"

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  int out_ = -1;
  int err_ = -1;
};

/// Processes and threads forked on this machine since boot.
std::uint64_t forks_so_far();
double now_seconds();

}  // namespace iris::bench
