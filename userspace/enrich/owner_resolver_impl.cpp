// SPDX-License-Identifier: Apache-2.0
// The tables behind OwnerResolver: which cgroup belongs to which container, and
// what the runtimes said of it.
#include "enrich/owner_resolver_impl.h"

#include <algorithm>

namespace iris::enrich {
namespace {

constexpr std::size_t kMaxGraves = 256;  // dead containers whose late events still find names
constexpr std::size_t kMaxNamespaces = 64;
constexpr std::size_t kMaxPendingRecords = 4096;

bool looks_like_unit(std::string_view id) {
  return id.ends_with(".service") || id.ends_with(".scope") || id.ends_with(".slice") || id.ends_with(".mount") ||
         id.ends_with(".socket");
}

bool lies_deeper(const std::string& path, std::size_t own_length) {
  return path.find_first_not_of('/', own_length) != std::string::npos;
}

}  // namespace

OwnerResolver::Impl::Classified OwnerResolver::Impl::classify(const std::string& path) const {
  Classified result;
  result.path = parse_cgroup_path(path);
  if (result.path.kind == flow::OwnerKind::container) {
    result.key = container_key(result.path);
    return result;
  }
  const auto candidate = containerd_candidate(path);
  if (!candidate) return result;
  result.candidate = container_key(candidate->id, candidate->runtime_namespace);
  const auto known = containers_.find(result.candidate);
  const bool confirmed = known != containers_.end() && known->second.containerd.has_value();
  // A namespace of containerd's holds containers only; one may have ended before it could be asked for.
  const bool in_namespace = !looks_like_unit(candidate->id) &&
                            namespaces_.contains(std::string(candidate->runtime_namespace));
  if (!confirmed && !in_namespace) return result;
  result.key = result.candidate;
  result.path.kind = flow::OwnerKind::container;
  result.path.container_id = candidate->id;
  result.path.runtime = "containerd";
  result.path.unit.clear();
  result.path.own_length = candidate->own_length;
  return result;
}

void OwnerResolver::Impl::attach(std::uint64_t id, CgroupIndex::Entry& entry) {
  if (!entry.known) {
    flow::Owner owner;
    owner.cgroup_id = id;
    entry.owner = std::make_shared<const flow::Owner>(std::move(owner));
    return;
  }
  const Classified found = classify(entry.path);
  if (found.key.empty()) {
    flow::Owner owner;
    owner.kind = found.path.kind;
    owner.cgroup_id = id;
    owner.cgroup_path = entry.path;
    owner.name = owner.kind == flow::OwnerKind::service ? found.path.unit : "host";
    entry.owner = std::make_shared<const flow::Owner>(std::move(owner));
    if (!found.candidate.empty()) candidates_[found.candidate].push_back(id);
    return;
  }
  Container& container = containers_[found.key];
  container.id = found.path.container_id;
  if (!found.path.runtime.empty()) container.path_runtime = found.path.runtime;
  if (container.cgroups.insert(id).second && entry.alive) ++container.live_cgroups;
  if (!lies_deeper(entry.path, found.path.own_length)) {
    container.own_cgroup = id;
    container.since_wall_ns = entry.since_wall_ns;
  }
  container.lived |= entry.alive;
  publish(container, id, entry);
  if (!container.owner || container.own_cgroup == id) make_owner_object(container);
  mark_dirty(found.key, container);
}

void OwnerResolver::Impl::detach(std::uint64_t id, const CgroupIndex::Entry& entry) {
  if (!entry.known || !entry.owner) return;
  const CgroupPath path = parse_cgroup_path(entry.path);
  std::string key;
  if (path.kind == flow::OwnerKind::container) {
    key = container_key(path);
  } else if (const auto candidate = containerd_candidate(entry.path)) {
    key = container_key(candidate->id, candidate->runtime_namespace);
    if (const auto waiting = candidates_.find(key); waiting != candidates_.end()) {
      std::erase(waiting->second, id);
      if (waiting->second.empty()) candidates_.erase(waiting);
    }
  }
  const auto found = containers_.find(key);
  if (found == containers_.end()) return;
  Container& container = found->second;
  if (container.cgroups.erase(id) == 0) return;
  if (container.own_cgroup == id) container.own_cgroup = 0;
  if (!entry.alive) return;
  --container.live_cgroups;
  mark_dirty(key, container);
  bury_if_dead(key, container);
}

void OwnerResolver::Impl::cgroup_died(std::uint64_t id) {
  const CgroupIndex::Entry* entry = index_.peek(id);
  if (!entry->known) return;
  const Classified found = classify(entry->path);
  const auto at = containers_.find(found.key);
  if (at == containers_.end() || !at->second.cgroups.contains(id)) return;
  --at->second.live_cgroups;
  mark_dirty(at->first, at->second);
  bury_if_dead(at->first, at->second);
}

void OwnerResolver::Impl::reclassify(const std::string& candidate) {
  auto waiting = candidates_.extract(candidate);
  if (waiting.empty()) return;
  for (const std::uint64_t id : waiting.mapped()) {
    if (CgroupIndex::Entry* entry = index_.peek(id)) attach(id, *entry);
  }
}

void OwnerResolver::Impl::note_namespace(const std::string& runtime_namespace) {
  if (runtime_namespace.empty() || namespaces_.size() >= kMaxNamespaces) return;
  if (!namespaces_.insert(runtime_namespace).second) return;
  const std::string prefix = runtime_namespace + "/";
  std::vector<std::string> found;
  for (auto at = candidates_.lower_bound(prefix); at != candidates_.end() && at->first.starts_with(prefix); ++at) {
    found.push_back(at->first);
  }
  for (const std::string& candidate : found) reclassify(candidate);
}

void OwnerResolver::Impl::take(RuntimeMessage message) {
  if (auto* info = std::get_if<ContainerInfo>(&message.body)) {
    take_info(message.source, std::move(*info));
  } else if (const auto* removed = std::get_if<RuntimeMessage::Removed>(&message.body)) {
    take_removed(message.source, *removed);
  } else {
    take_status(std::get<RuntimeStatus>(std::move(message.body)));
  }
}

void OwnerResolver::Impl::take_info(RuntimeMessage::Source source, ContainerInfo info) {
  const std::string key = container_key(info.id, info.runtime_namespace);
  if (info.id.empty()) return;
  if (!containers_.contains(key) && containers_.size() >= options_.max_owners) {
    ++ignored_containers_;
    return;
  }
  note_namespace(info.runtime_namespace);
  Container& container = containers_[key];
  container.id = info.id;
  if (source == RuntimeMessage::Source::docker) {
    container.in_docker = true;
    container.docker = std::move(info);
  } else {
    container.in_containerd = true;
    container.containerd = std::move(info);
  }
  refresh(key, container);
  reclassify(key);
}

void OwnerResolver::Impl::take_removed(RuntimeMessage::Source source, const RuntimeMessage::Removed& removed) {
  const std::string key = container_key(removed.id, removed.runtime_namespace);
  const auto found = containers_.find(key);
  if (found == containers_.end()) return;
  Container& container = found->second;
  const bool docker = source == RuntimeMessage::Source::docker;
  (docker ? container.in_docker : container.in_containerd) = false;
  if (auto& info = docker ? container.docker : container.containerd) {
    info->pid = 0;
    info->addresses.clear();
    info->ports.clear();
  }
  refresh(key, container);
}

void OwnerResolver::Impl::take_status(RuntimeStatus status) {
  RuntimeStatus& kept = statuses_[status.runtime];
  const bool switched = status.runtime == "docker" && kept.connected != status.connected;
  kept = std::move(status);
  if (!switched) return;
  std::vector<std::string> keys;  // refresh() may forget a container
  keys.reserve(containers_.size());
  for (const auto& [key, container] : containers_) keys.push_back(key);
  for (const std::string& key : keys) {
    if (const auto found = containers_.find(key); found != containers_.end()) refresh(key, found->second);
  }
}

/// Works out anew what is known of a container, and replaces its owner objects
/// when that changed.
void OwnerResolver::Impl::refresh(const std::string& key, Container& container) {
  const std::vector<base::IpAddress> addresses_before = std::move(container.merged.addresses);
  const std::vector<PublishedPort> ports_before = std::move(container.merged.ports);
  const auto docker = statuses_.find("docker");
  container.merged = merge_container_info(container.docker ? &*container.docker : nullptr,
                                          container.containerd ? &*container.containerd : nullptr,
                                          docker != statuses_.end() && docker->second.connected);
  refresh_addresses(key, addresses_before, container.merged.addresses);
  refresh_ports(key, ports_before, container.merged.ports);
  container.lived |= container.merged.pid != 0;
  if (container.merged.pid != 0) container.last_pid = container.merged.pid;
  const flow::OwnerPtr before = container.owner;
  make_owner_object(container);
  if (!before || !same_container(*before, *container.owner)) {
    for (const std::uint64_t id : container.cgroups) {
      if (CgroupIndex::Entry* entry = index_.peek(id)) publish(container, id, *entry);
    }
    make_owner_object(container);
  }
  mark_dirty(key, container);
  bury_if_dead(key, container);
}

void OwnerResolver::Impl::publish(Container& container, std::uint64_t id, CgroupIndex::Entry& entry) {
  entry.owner = std::make_shared<const flow::Owner>(
      make_container_owner(id, entry.path, container.id, container.path_runtime, container.merged));
}

/// The container's own owner object: that of its own cgroup, or, while that is
/// not known, one without a cgroup.
void OwnerResolver::Impl::make_owner_object(Container& container) const {
  flow::Owner fresh =
      make_container_owner(container.own_cgroup, {}, container.id, container.path_runtime, container.merged);
  if (container.own_cgroup != 0) {
    const CgroupIndex::Entry* entry = index_.peek(container.own_cgroup);
    if (entry != nullptr && entry->owner && same_container(*entry->owner, fresh)) {
      container.owner = entry->owner;
      return;
    }
    if (entry != nullptr) fresh.cgroup_path = entry->path;
  }
  container.owner = std::make_shared<const flow::Owner>(std::move(fresh));
}

void OwnerResolver::Impl::refresh_addresses(const std::string& key, const std::vector<base::IpAddress>& before,
                                            const std::vector<base::IpAddress>& after) {
  for (const auto& address : before) {
    const auto found = addresses_.find(address);
    if (found == addresses_.end() || found->second != key) continue;
    addresses_.erase(found);
    // Networks may use one range twice: give it back to another that has it.
    for (const auto& [other_key, other] : containers_) {
      const auto& theirs = other.merged.addresses;
      if (other_key == key || std::find(theirs.begin(), theirs.end(), address) == theirs.end()) continue;
      addresses_.emplace(address, other_key);
      break;
    }
  }
  for (const auto& address : after) {
    if (!address.is_unspecified() && !address.is_loopback()) addresses_[address] = key;
  }
}

void OwnerResolver::Impl::refresh_ports(const std::string& key, const std::vector<PublishedPort>& before,
                                        const std::vector<PublishedPort>& after) {
  if (before == after) return;
  for (const PublishedPort& port : before) {
    const auto [first, last] = ports_.equal_range(port.host_port);
    for (auto at = first; at != last;) at = at->second.first == key ? ports_.erase(at) : std::next(at);
  }
  for (const PublishedPort& port : after) ports_.emplace(port.host_port, std::pair{key, port});
}

void OwnerResolver::Impl::mark_dirty(const std::string& key, Container& container) {
  if (container.dirty) return;
  container.dirty = true;
  dirty_.push_back(key);
}

/// A container that is dead and that no runtime has any more is kept a while
/// for its late events, and then forgotten.
void OwnerResolver::Impl::bury_if_dead(const std::string& key, Container& container) {
  const auto is_dead = [](const Container& c) { return !c.alive() && !c.in_docker && !c.in_containerd; };
  if (!is_dead(container) || container.buried) return;
  container.buried = true;
  graves_.push_back(key);
  while (graves_.size() > kMaxGraves) {
    const std::string oldest = std::move(graves_.front());
    graves_.pop_front();
    const auto found = containers_.find(oldest);
    if (found == containers_.end()) continue;
    found->second.buried = false;
    if (!is_dead(found->second)) continue;
    if (found->second.dirty && pending_records_.size() < kMaxPendingRecords) {
      announce(found->second, pending_records_);
    }
    refresh_addresses(oldest, found->second.merged.addresses, {});
    refresh_ports(oldest, found->second.merged.ports, {});
    containers_.erase(found);
  }
}

void OwnerResolver::Impl::announce(Container& container, std::vector<flow::ContainerRecord>& records) const {
  using Change = flow::ContainerRecord::Change;
  container.dirty = false;
  const bool alive = container.alive();
  const bool lived = container.lived;
  container.lived = alive;
  if (!lived && !container.announced) return;
  const ContainerInfo& info = container.merged;
  if (!container.announced) {
    records.push_back(record_of(container, first_poll_ ? Change::present : Change::added));
  } else if (alive) {
    if (container.owner->cgroup_id == container.announced_owner->cgroup_id &&
        same_container(*container.owner, *container.announced_owner) && info.pid == container.announced_pid &&
        info.addresses == container.announced_addresses) {
      return;
    }
    records.push_back(record_of(container, Change::updated));
  }
  if (!alive) records.push_back(record_of(container, Change::removed));
  container.announced = alive;
  container.announced_owner = container.owner;
  container.announced_pid = info.pid;
  container.announced_addresses = info.addresses;
}

flow::ContainerRecord OwnerResolver::Impl::record_of(const Container& container,
                                                     flow::ContainerRecord::Change change) const {
  flow::ContainerRecord record;
  record.wall_ns = now_wall_ns_;
  record.change = change;
  record.owner = container.owner;
  record.pid = container.merged.pid;
  record.addresses = container.merged.addresses;
  return record;
}

}  // namespace iris::enrich
