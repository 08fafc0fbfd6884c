// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "enrich/cgroup_path.h"
#include "enrich/runtime_client.h"
#include "flow/owner.h"

namespace iris::enrich {

/// What two runtimes say of one container, as one. Docker's word wins, since
/// containerd knows of Docker's containers neither name nor labels. Whether it
/// is an IoT Edge module is Docker's to say alone where Docker is asked: the
/// environment that containerd shows can be imitated, the owner label is
/// IoT Edge's own. `docker_connected` without a word from Docker yet means wait.
ContainerInfo merge_container_info(const ContainerInfo* docker, const ContainerInfo* containerd,
                                   bool docker_connected);

/// Key of a container in tables: the id where that is unique in itself, else
/// with its namespace in front.
std::string container_key(std::string_view id, std::string_view runtime_namespace);
/// As container_key(), of a container found by its path.
std::string container_key(const CgroupPath& path);

/// The owner object of a cgroup at `path` that belongs to a container; what
/// the path told fills in what no runtime said.
flow::Owner make_container_owner(std::uint64_t cgroup_id, const std::string& path, const std::string& container_id,
                                 const std::string& path_runtime, const ContainerInfo& info);

/// Equal but for the cgroup.
bool same_container(const flow::Owner& a, const flow::Owner& b);

}  // namespace iris::enrich
