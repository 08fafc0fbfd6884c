// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace iris::daemon {

/// Holds a lock file for this process; the kernel lets go of it however the
/// process ends. Two agents with one spool, or one socket, would undo each other.
class InstanceLock {
 public:
  /// Makes the directory. The error names the process that holds it.
  static base::Result<InstanceLock> take(const std::string& path);

 private:
  explicit InstanceLock(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace iris::daemon
