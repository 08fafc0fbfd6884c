// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace iris::flow {

enum class OwnerKind : std::uint8_t { host, service, container };

/// Who a socket or process belongs to: the OWNER object of the JSON contract.
/// Immutable once published; when more becomes known a new Owner takes its
/// place. An empty string or map means "not known" and is null in JSON.
struct Owner {
  OwnerKind kind = OwnerKind::host;
  std::uint64_t cgroup_id = 0;
  std::string container_id;  // full id as the runtime gives it
  std::string name;          // container or systemd unit; "host" for the host
  std::string image;
  std::string runtime;       // "docker", "containerd", "cri", "podman", "crio" ...
  std::string module_id;     // IoT Edge module, from the environment or the container's name
  std::string device_id;     // IoT Edge device that the module runs on
  std::string cgroup_path;   // path below the root of the owner hierarchy; not part of the JSON
  std::map<std::string, std::string> labels;
};

using OwnerPtr = std::shared_ptr<const Owner>;

}  // namespace iris::flow
