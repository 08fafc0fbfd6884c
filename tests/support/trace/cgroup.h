// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace iris::test {

/// Where the cgroup2 hierarchy is mounted; if it is not, where this process has
/// mounted it for its own lifetime.
const std::string& cgroup2_root();

/// A cgroup of our own, gone (with what still runs in it) when the object goes.
class ScratchCgroup {
 public:
  /// `name`: a path below `parent` (default: the root), unique for this process when `exact` is false.
  explicit ScratchCgroup(const std::string& name, bool exact = false, const std::string& parent = {});
  ~ScratchCgroup();
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;

  const std::string& path() const { return path_; }
  /// As OWNER.id of the JSON contract.
  std::uint64_t id() const { return id_; }

 private:
  std::string path_;
  std::uint64_t id_ = 0;
};

}  // namespace iris::test
