// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace iris::pipeline {

/// This host has ::1.
bool has_v6_loopback();

/// A cgroup of its own for the self-test, gone with the object.
class ScratchCgroup {
 public:
  static base::Result<ScratchCgroup> create(const std::string& root);
  ScratchCgroup(ScratchCgroup&& other) noexcept : path_(std::exchange(other.path_, {})), id_(other.id_) {}
  ScratchCgroup& operator=(ScratchCgroup&&) = delete;
  ~ScratchCgroup();

  std::uint64_t id() const { return id_; }
  base::Result<void> move_in(pid_t pid) const;

 private:
  ScratchCgroup() = default;
  std::string path_;
  std::uint64_t id_ = 0;
};

/// A child that does on loopback what the self-test wants to see, once told,
/// and then crashes. Killed and collected with the object.
class ScratchChild {
 public:
  static base::Result<ScratchChild> fork(bool with_v6);
  ScratchChild(ScratchChild&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), start_(std::move(other.start_)), report_(std::move(other.report_)) {}
  ScratchChild& operator=(ScratchChild&&) = delete;
  ~ScratchChild();

  pid_t pid() const { return pid_; }
  void start() const;
  /// Which of its acts failed in the child itself; empty: none, or not yet.
  std::string complaint() const;

 private:
  ScratchChild() = default;
  pid_t pid_ = -1;
  base::UniqueFd start_;
  base::UniqueFd report_;
};

}  // namespace iris::pipeline
