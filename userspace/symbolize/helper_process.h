// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace iris::symbolize {

/// One child that speaks lines over a socket pair (its stdin and stdout).
/// Nothing here waits: neither for the child's words nor for its death.
class HelperProcess {
 public:
  HelperProcess() = default;
  ~HelperProcess();
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;

  bool start(const std::string& program);
  bool running() const { return static_cast<bool>(socket_); }
  int fd() const { return socket_.get(); }
  pid_t pid() const { return pid_; }

  void queue(std::string line) { outgoing_ += line; }
  bool wants_to_write() const { return running() && !outgoing_.empty(); }
  /// Writes and reads what can be done at once. False: the child is gone, or
  /// its answer has no end.
  bool exchange();
  std::optional<std::string> next_line();

  /// No more requests: the child ends by itself.
  void finish();
  /// Kills it and forgets it.
  void discard();
  /// A child that was told to end has not been seen dead yet.
  bool has_dying() const { return !dying_.empty(); }
  /// Collects children that have died meanwhile.
  void reap();

 private:
  base::UniqueFd socket_;
  pid_t pid_ = -1;
  std::string outgoing_;
  std::string incoming_;
  std::vector<pid_t> dying_;
};

}  // namespace iris::symbolize
