// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "flow/owner.h"

namespace iris::enrich {

/// What a cgroup path alone says of its owner.
struct CgroupPath {
  flow::OwnerKind kind = flow::OwnerKind::host;
  std::string container_id;  // 64 hex digits; a name for LXC, nspawn and ctr
  std::string runtime;       // "docker", "containerd", "cri", "crio", "podman", "lxc", "nspawn"; empty: not told
  std::string unit;          // systemd unit, for kind service
  /// Length of the leading part of the path that is the owner's own group:
  /// what stands behind it is a group inside the container or the unit.
  std::size_t own_length = 0;
};

/// Reads a path of any hierarchy, as /proc/PID/cgroup shows it or below the
/// root of the mount; paths relative to a private cgroup namespace ("/../x")
/// too. The innermost container wins, and a container wins over any unit,
/// because systemd may run inside it. Monitors (conmon) are not their
/// container. Otherwise the innermost *.service or *.scope is the unit.
CgroupPath parse_cgroup_path(std::string_view path);

/// A container made by ctr or nerdctl lies at /NAMESPACE/ID, where ID is any
/// name: nothing in the path tells it from another group. This gives the two
/// parts of a path that could be one; only containerd can confirm it.
struct NamespacedId {
  std::string_view runtime_namespace;
  std::string_view id;
  std::size_t own_length = 0;  // as in CgroupPath
};
std::optional<NamespacedId> containerd_candidate(std::string_view path);

/// Whether `text` is a full id of Docker, CRI or Podman: 64 lower-case hex digits.
bool is_full_container_id(std::string_view text);

}  // namespace iris::enrich
