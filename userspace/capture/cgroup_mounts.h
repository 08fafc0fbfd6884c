// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace iris::capture {

struct CgroupMount {
  std::string path;
  bool v2 = false;
  std::vector<std::string> options;  // of a v1 hierarchy: its controllers are among them
};

/// Cgroup mounts of a file in the format of /proc/self/mounts, in its order.
std::vector<CgroupMount> read_cgroup_mounts(const std::string& mounts_path);

/// Id of the v1 hierarchy that `controller` is in, from a file in the format of
/// /proc/cgroups. Nothing: no such controller. 0: it is in no v1 hierarchy.
std::optional<std::uint32_t> read_hierarchy_id(const std::string& cgroups_path, const std::string& controller);

/// Where programs attach, and which hierarchy names owners.
struct CgroupRoots {
  base::UniqueFd v2;  // root of the v2 hierarchy, perhaps mounted for us alone
  std::string owner_path;
  std::string mode;  // "v2", "hybrid" or "v1"
  std::uint32_t owner_hierarchy = 0;
};

/// `cgroup2_root` empty: found in the mounts, else mounted privately.
/// `v1_controller` set: that controller's v1 hierarchy names owners.
base::Result<CgroupRoots> find_cgroup_roots(const std::string& cgroup2_root, const std::string& v1_controller);

}  // namespace iris::capture
