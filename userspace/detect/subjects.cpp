// SPDX-License-Identifier: Apache-2.0
// Whose records these are: workloads of gateways, and the profiles that serve them.
#include <fmt/format.h>

#include <algorithm>

#include "detect/gateway.h"
#include "profile/sketch.h"

namespace iris::detect {
namespace {

constexpr std::size_t kVersions = 32;
constexpr std::size_t kGateways = 4096;
constexpr std::size_t kConfigured = 8192;  // devices of a gateway

/// Splits an image reference into what stays and what a new version changes.
std::size_t version_start(const std::string& image) {
  const auto digest = image.find('@');
  const auto slash = image.rfind('/', digest);
  const auto colon = image.find(':', slash == std::string::npos ? 0 : slash);
  return std::min({digest, colon, image.size()});
}

bool add_once(std::vector<std::uint64_t>& list, std::uint64_t value, std::size_t most) {
  const auto place = std::lower_bound(list.begin(), list.end(), value);
  if (place != list.end() && *place == value) return false;
  if (list.size() < most) list.insert(place, value);
  return true;
}

std::string name_of(const flow::Owner& owner) {
  if (!owner.module_id.empty()) return owner.module_id;
  if (!owner.name.empty()) return owner.name;
  return owner.container_id.empty() ? fmt::format("cgroup {}", owner.cgroup_id) : owner.container_id.substr(0, 12);
}

const char* kind_of(flow::OwnerKind kind) {
  return kind == flow::OwnerKind::container ? "container" : kind == flow::OwnerKind::service ? "service" : "host";
}

}  // namespace

std::string image_version(const std::string& image) { return image.substr(version_start(image)); }

std::string profile_key(const std::string& gateway, const flow::Owner& owner) {
  if (owner.kind == flow::OwnerKind::container && !owner.image.empty())
    return "image/" + owner.image.substr(0, version_start(owner.image));
  return fmt::format("{}/{}/{}", gateway, kind_of(owner.kind), name_of(owner));
}

void Judge::note_device(Gateway& gateway, const flow::DeviceRecord& record) {
  const auto& device = record.device;
  const bool named = !device.module_id.empty() && device.kind != flow::DeviceKind::module &&
                     device.kind != flow::DeviceKind::observed &&
                     record.change != flow::DeviceRecord::Change::removed;
  if (!named) {
    gateway.configured.erase(device.id);
    return;
  }
  ConfiguredDevice configured{device.module_id, {}};
  constexpr std::size_t kMostPorts = 16;
  for (const auto& address : device.addresses)
    if (address.ip && configured.ports.size() < kMostPorts) configured.ports.push_back(address.port);
  if (configured.ports.empty()) {
    gateway.configured.erase(device.id);
    return;
  }
  if (gateway.configured.size() >= kConfigured && !gateway.configured.contains(device.id)) return;
  gateway.configured.insert_or_assign(device.id, std::move(configured));
}

Judge::Gateway& Judge::gateway_of(const std::string& name) {
  auto found = gateways_.find(name);
  if (found == gateways_.end()) {
    auto made = std::make_unique<Gateway>();
    made->name = name;
    made->itself.gateway = name;
    made->itself.subject = name;
    found = gateways_.emplace(name, std::move(made)).first;
  }
  found->second->saved = false;
  return *found->second;
}

Entity& Judge::entity(Gateway& gateway, std::string_view kind, const std::string& name, const std::string& key,
                      std::uint64_t now_ns) {
  auto& slot = gateway.entities[fmt::format("{}/{}", kind, name)];
  if (slot == nullptr) {
    slot = std::make_unique<Entity>();
    slot->gateway = gateway.name;
    slot->subject = name;
    slot->profile_key = key;
  } else if (slot->profile_key != key) {
    slot->profile_key = key;  // the same name, another image
    slot->profile = nullptr;
  }
  if (slot->profile == nullptr) {
    auto& baseline = baselines_[key];
    if (baseline == nullptr) baseline = std::make_unique<Baseline>();
    slot->profile = &baseline->profile;
    add_once(baseline->gateways, profile::stable_hash(gateway.name), kGateways);
  }
  slot->last_ns = std::max(slot->last_ns, now_ns);
  return *slot;
}

Entity& Judge::entity_of_owner(Gateway& gateway, const flow::OwnerPtr& owner, std::uint64_t now_ns) {
  if (const auto known = gateway.by_owner.find(owner.get()); known != gateway.by_owner.end()) {
    known->second.second->last_ns = std::max(known->second.second->last_ns, now_ns);
    return *known->second.second;
  }
  static const auto kNobody = std::make_shared<const flow::Owner>();
  const flow::Owner& who = owner ? *owner : *kNobody;
  const std::string key = profile_key(gateway.name, who);
  make_room();
  Entity& found = entity(gateway, kind_of(who.kind), name_of(who), key, now_ns);
  found.owner = owner;
  if (who.kind == flow::OwnerKind::container && !who.image.empty()) {
    auto& baseline = *baselines_[key];
    const bool first = baseline.versions.empty();
    if (add_once(baseline.versions, profile::stable_hash(image_version(who.image)), kVersions) && !first)
      baseline.profile.relearn(now_ns);
  }
  constexpr std::size_t kMostOwners = 1024;
  if (gateway.by_owner.size() >= kMostOwners) gateway.by_owner.clear();
  gateway.by_owner.emplace(owner.get(), std::make_pair(owner, &found));
  return found;
}

Entity& Judge::entity_of_device(Gateway& gateway, const std::string& device, std::uint64_t now_ns) {
  const auto known = gateway.entities.find("device/" + device);
  if (known != gateway.entities.end()) {
    known->second->last_ns = std::max(known->second->last_ns, now_ns);
    return *known->second;
  }
  make_room();
  Entity& found = entity(gateway, "device", device, fmt::format("{}/device/{}", gateway.name, device), now_ns);
  found.device = device;
  return found;
}

/// The workloads unseen for longest go, a tenth at once; so do profiles that then
/// serve nobody (the collector has stored them).
void Judge::make_room() {
  std::size_t count = 0;
  for (const auto& [name, gateway] : gateways_) count += gateway->entities.size();
  if (count < limits_.entities) return;
  std::vector<std::uint64_t> times;
  for (const auto& [name, gateway] : gateways_)
    for (const auto& [key, entity] : gateway->entities) times.push_back(entity->last_ns);
  const auto cut = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
  std::nth_element(times.begin(), cut, times.end());
  const std::uint64_t oldest_kept = *cut;
  std::map<std::string, int> used;
  for (const auto& [name, gateway] : gateways_) {
    gateway->by_owner.clear();
    std::erase_if(gateway->touched, [&](const Entity* entity) { return entity->last_ns <= oldest_kept; });
    std::erase_if(gateway->entities, [&](const auto& entry) { return entry.second->last_ns <= oldest_kept; });
    for (const auto& [key, entity] : gateway->entities) ++used[entity->profile_key];
  }
  std::erase_if(baselines_, [&](const auto& entry) { return used.count(entry.first) == 0; });
}

}  // namespace iris::detect
