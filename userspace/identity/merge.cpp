// SPDX-License-Identifier: Apache-2.0
#include "identity/merge.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "identity/assemble.h"

namespace iris::identity {
namespace {

using flow::Device;
using merging::Node;

constexpr std::size_t kMaxConflicts = 8;

std::vector<const Evidence*> in_order(std::vector<const Evidence*> sorted) {
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return merging::before(*a, *b); });
  sorted.erase(std::unique(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a == *b; }), sorted.end());
  return sorted;
}

merging::Gateways gateways_of(const std::vector<const Evidence*>& evidence, const MergeRules& rules) {
  merging::Gateways gateways;
  gateways.own = rules.gateway;
  for (const Evidence* one : evidence) {
    if (one->source != Source::edge_agent) continue;
    const std::string& name = one->name;
    const auto slash = name.find('/');
    gateways.with_agent.push_back(slash == std::string::npos && !one->parent.empty() ? one->parent : name.substr(0, slash));
  }
  auto& known = gateways.with_agent;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return gateways;
}

/// An id of one registry may look like another's: nobody may hide behind a namesake.
void make_ids_unique(std::vector<Device>& devices) {
  std::unordered_map<std::string, int> uses;
  for (const Device& device : devices) uses.emplace(device.id, 0);
  for (Device& device : devices) {
    int& used = uses[device.id];
    if (++used == 1) continue;
    std::string id = device.id + "#" + std::to_string(used);
    while (uses.contains(id)) id = device.id + "#" + std::to_string(++used);
    device.conflicts.push_back("another registry's device has the id " + device.id);
    device.id = std::move(id);
    uses.emplace(device.id, 1);
  }
}

/// What only modules speak for that are in no deployment any more is not there, either.
void set_ghosts(const std::vector<std::vector<const Node*>>& groups, std::vector<Device>& devices) {
  std::set<std::string> ghosts;
  for (const Device& device : devices) {
    if (device.kind == flow::DeviceKind::module && !device.deployed) ghosts.insert(device.id);
  }
  for (std::size_t i = 0; i < groups.size() && !ghosts.empty(); ++i) {
    const bool ghost = std::all_of(groups[i].begin(), groups[i].end(), [&](const Node* node) {
      return node->node_class == merging::NodeClass::manufactured && ghosts.contains(node->module_path);
    });
    if (ghost) devices[i].deployed = false;
  }
}

std::vector<Device> merge_all(std::vector<const Evidence*> evidence, const MergeRules& rules) {
  const auto sorted = in_order(std::move(evidence));
  const merging::Nodes made = merging::make_nodes(sorted, rules);
  const merging::Linked linked = merging::link(made);
  const auto gateways = gateways_of(sorted, rules);

  std::vector<std::vector<const Node*>> groups;
  std::vector<std::size_t> device_of(made.nodes.size());
  std::unordered_map<std::uint32_t, std::size_t> group_at;
  for (std::uint32_t node = 0; node < made.nodes.size(); ++node) {
    const auto [at, is_new] = group_at.try_emplace(linked.group[node], groups.size());
    if (is_new) groups.emplace_back();
    device_of[node] = at->second;
    groups[at->second].push_back(&made.nodes[node]);
  }
  std::vector<Device> devices;
  devices.reserve(groups.size());
  for (const auto& group : groups) devices.push_back(merging::assemble(group, gateways));
  set_ghosts(groups, devices);
  make_ids_unique(devices);

  for (std::uint32_t node = 0; node < made.nodes.size(); ++node) {
    auto& conflicts = devices[device_of[node]].conflicts;
    conflicts.insert(conflicts.end(), made.nodes[node].remarks.begin(), made.nodes[node].remarks.end());
  }
  for (const merging::Note& note : linked.notes) {
    const std::size_t device = device_of[note.node];
    const std::size_t other = device_of[note.other];
    const std::size_t second = device_of[note.second];
    if (device == other) continue;  // they became one after all, for a better reason
    devices[device].conflicts.push_back(merging::in_words(note, devices[other].id, devices[second].id));
  }
  for (Device& device : devices) {
    auto& conflicts = device.conflicts;
    std::sort(conflicts.begin(), conflicts.end());
    conflicts.erase(std::unique(conflicts.begin(), conflicts.end()), conflicts.end());
    if (conflicts.size() <= kMaxConflicts) continue;
    const std::size_t more = conflicts.size() - (kMaxConflicts - 1);
    conflicts.resize(kMaxConflicts - 1);
    conflicts.push_back("and at least " + std::to_string(more) + " more");
  }
  std::sort(devices.begin(), devices.end(), [](const Device& a, const Device& b) { return a.id < b.id; });
  return devices;
}

}  // namespace

std::vector<Device> merge(std::span<const Evidence> evidence, const MergeRules& rules) {
  std::vector<const Evidence*> all;
  all.reserve(evidence.size());
  for (const Evidence& one : evidence) all.push_back(&one);
  return merge_all(std::move(all), rules);
}

std::vector<Device> merge(std::span<const SharedEvidence> evidence, const MergeRules& rules) {
  std::vector<const Evidence*> all;
  all.reserve(evidence.size());
  for (const auto& one : evidence) all.push_back(one.get());
  return merge_all(std::move(all), rules);
}

}  // namespace iris::identity
