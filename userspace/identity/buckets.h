// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "identity/linking.h"

/// Inside of merge(): what registered nodes agree in.
namespace iris::identity::merging {

/// Two nodes of different registries agree in `key`; a < b.
struct Edge {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::string key;
};

struct Agreements {
  std::vector<Edge> edges;               // one a pair, in order
  std::vector<std::uint32_t> ambiguous;  // have a key that two devices of another registry have
  std::vector<Note> notes;
};

/// Looks at the nodes before `end`. Time and memory grow with the number of
/// statements, however many nodes have one key.
Agreements find_agreements(const std::vector<Node>& nodes, std::uint32_t end);

std::string lower_case(const std::string& text);
/// Keys as they are shown: "address 198.51.100.7", "name thermostat".
std::string host_key(const flow::DeviceAddress& address);  // without the port
std::string name_key(const std::string& name);

}  // namespace iris::identity::merging
