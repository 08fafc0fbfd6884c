// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "identity/evidence.h"
#include "identity/merge.h"

/// Inside of merge(): one registry's view of one device.
namespace iris::identity::merging {

/// In order of strength: whose id the identity gets.
enum class NodeClass : std::uint8_t { hub, edgex, manufactured, observed };

struct Node {
  NodeClass node_class = NodeClass::hub;
  std::string id;                           // Device.id when it stays alone
  std::vector<std::string> names;           // those that it may be joined by
  std::string module_path;                  // manufactured: "gw1/modbus1"
  std::string own_name;                     // one that an observed host gave itself
  std::vector<std::uint32_t> registries;    // sorted; several once the mapping put others in here
  std::vector<const Evidence*> evidence;
  std::vector<const std::string*> broken;   // sorted; documents of it that are no JSON objects
  std::vector<std::string> hardware_ids;    // sorted, normal
  std::vector<flow::DeviceAddress> addresses;       // sorted; those of the device
  std::vector<flow::DeviceAddress> join_addresses;  // those of them that it may be joined by
  std::vector<std::string> units;           // sorted: "unit:1"
  std::vector<std::string> remarks;         // conflicts that concern no other device
  bool joins = true;                        // false: a module, this gateway
};

/// Observed nodes come last.
struct Nodes {
  std::vector<Node> nodes;
  std::uint32_t first_observed = 0;
};

/// A total order, for results that do not depend on that of the input.
bool before(const Evidence& a, const Evidence& b);
bool before(const flow::DeviceAddress& a, const flow::DeviceAddress& b);

/// `evidence` is sorted by before() and without duplicates; it must outlive the nodes.
Nodes make_nodes(std::span<const Evidence* const> evidence, const MergeRules& rules);

/// Both have hardware ids of one kind that a device has one of (MAC, serial,
/// DevEUI) and none in common. Gives one of the first's that differs, or nothing.
std::string contradiction(const Node& a, const Node& b);

template <typename T>
bool share(const std::vector<T>& a, const std::vector<T>& b) {  // both sorted
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) return true;
    if (*i < *j) ++i; else ++j;
  }
  return false;
}

}  // namespace iris::identity::merging
