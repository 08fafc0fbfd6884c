// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "flow/device.h"
#include "identity/linking.h"

/// Inside of merge(): the nodes of one group to one device.
namespace iris::identity::merging {

struct Gateways {
  /// Those whose $edgeAgent was read: of their modules, what it does not list is a ghost.
  std::vector<std::string> with_agent;  // sorted
  std::string own;
};

/// Everything but the conflicts. `nodes` begins with the strongest.
flow::Device assemble(std::span<const Node* const> nodes, const Gateways& gateways);

/// A note in words, for the conflicts of its node; `other` and `second` are ids of devices.
std::string in_words(const Note& note, const std::string& other, const std::string& second);

}  // namespace iris::identity::merging
