// SPDX-License-Identifier: Apache-2.0
#include "enrich/container_merge.h"

namespace iris::enrich {
namespace {

constexpr std::string_view kDockerNamespace = "moby";

void take_if_set(std::string& to, const std::string& from) {
  if (!from.empty()) to = from;
}

}  // namespace

ContainerInfo merge_container_info(const ContainerInfo* docker, const ContainerInfo* containerd,
                                   bool docker_connected) {
  ContainerInfo merged;
  if (containerd != nullptr) {
    merged = *containerd;
    if (docker == nullptr && docker_connected && containerd->runtime_namespace == kDockerNamespace) {
      merged.module_id.clear();
      merged.device_id.clear();
    }
  }
  if (docker == nullptr) return merged;
  take_if_set(merged.id, docker->id);
  take_if_set(merged.name, docker->name);
  take_if_set(merged.image, docker->image);
  take_if_set(merged.runtime, docker->runtime);
  take_if_set(merged.root_path, docker->root_path);
  merged.module_id = docker->module_id;
  // The event that announces a container has its labels, and so says that it is
  // a module, before its environment can be read; containerd may know it already.
  merged.device_id = docker->device_id.empty() && !docker->module_id.empty() ? merged.device_id : docker->device_id;
  if (!docker->labels.empty()) merged.labels = docker->labels;
  if (docker->pid != 0) merged.pid = docker->pid;
  if (!docker->addresses.empty()) merged.addresses = docker->addresses;
  merged.ports = docker->ports;  // containerd knows of none
  return merged;
}

std::string container_key(std::string_view id, std::string_view runtime_namespace) {
  if (is_full_container_id(id)) return std::string(id);
  std::string key(runtime_namespace);
  key += '/';
  key += id;
  return key;
}

std::string container_key(const CgroupPath& path) {
  // No containerd namespace contains a colon.
  return container_key(path.container_id, path.runtime + ":");
}

flow::Owner make_container_owner(std::uint64_t cgroup_id, const std::string& path, const std::string& container_id,
                                 const std::string& path_runtime, const ContainerInfo& info) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.cgroup_id = cgroup_id;
  owner.cgroup_path = path;
  owner.container_id = container_id;
  owner.name = info.name;
  owner.image = info.image;
  owner.module_id = info.module_id;
  owner.device_id = info.device_id;
  owner.labels = info.labels;
  if (info.runtime == "docker" || info.runtime_namespace == kDockerNamespace) {
    owner.runtime = "docker";
  } else if (!path_runtime.empty()) {
    owner.runtime = path_runtime;
  } else if (info.runtime_namespace == "k8s.io") {
    owner.runtime = "cri";
  } else {
    owner.runtime = info.runtime;
  }
  // LXC and nspawn have no client here, but their id is the name.
  if (owner.name.empty() && !is_full_container_id(container_id)) owner.name = container_id;
  return owner;
}

bool same_container(const flow::Owner& a, const flow::Owner& b) {
  return a.container_id == b.container_id && a.name == b.name && a.image == b.image && a.runtime == b.runtime &&
         a.module_id == b.module_id && a.device_id == b.device_id && a.labels == b.labels;
}

}  // namespace iris::enrich
