// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "identity/claims.h"
#include "identity/evidence.h"
#include "identity/merge.h"

namespace iris::identity::test {

using flow::DeviceKind;

/// "198.51.100.7", "198.51.100.7:502", or a text of a medium without IP.
inline flow::DeviceAddress address(const std::string& text) {
  if (auto parsed = parse_address(text)) return *parsed;
  flow::DeviceAddress other;
  other.text = text;
  return other;
}

struct Say : Evidence {
  Say(Source from, DeviceKind what, std::string called) {
    source = from;
    kind = what;
    name = std::move(called);
  }
  Say& below(std::string id) { parent = std::move(id); return *this; }
  Say& through(std::string module) { module_id = std::move(module); return *this; }
  Say& at(const std::string& where) { addresses.push_back(address(where)); return *this; }
  Say& hardware(std::string id) { hardware_ids.push_back(std::move(id)); return *this; }
  Say& tagged(std::string json) { tags = std::move(json); return *this; }
  Say& configured(std::string json) { configuration = std::move(json); return *this; }
  Say& with_status(std::string word) { status = std::move(word); return *this; }
};

inline Say hub_gateway(std::string name) { return {Source::iot_hub, DeviceKind::gateway, std::move(name)}; }
inline Say hub_leaf(std::string name) { return {Source::iot_hub, DeviceKind::leaf, std::move(name)}; }
inline Say hub_module(std::string name) { return {Source::iot_hub, DeviceKind::module, std::move(name)}; }
inline Say agent_module(std::string name) { return {Source::edge_agent, DeviceKind::module, std::move(name)}; }
inline Say hub_client(std::string name) { return {Source::edge_hub, DeviceKind::leaf, std::move(name)}; }
inline Say edgex(std::string name) { return {Source::edgex, DeviceKind::edgex, std::move(name)}; }
inline Say slave(std::string name, std::string module = "modbus1") {
  Say say{Source::modbus_module, DeviceKind::manufactured, std::move(name)};
  return say.below("gw1").through(std::move(module));
}
inline Say neighbour(const std::string& where, const std::string& mac) {
  Say say{Source::neighbour_table, DeviceKind::observed, ""};
  if (!mac.empty()) say.hardware("mac:" + mac);
  return say.at(where);
}
inline Say lease(const std::string& where, const std::string& mac, const std::string& host = {}) {
  Say say{Source::dhcp_lease, DeviceKind::observed, host};
  return say.hardware("mac:" + mac).at(where);
}

inline std::vector<flow::Device> merged(const std::vector<Evidence>& evidence, const MergeRules& rules = {"gw1", {}}) {
  return merge(evidence, rules);
}

inline std::vector<std::string> ids(const std::vector<flow::Device>& devices) {
  std::vector<std::string> all;
  for (const auto& device : devices) all.push_back(device.id);
  return all;
}

inline const flow::Device& find(const std::vector<flow::Device>& devices, const std::string& id) {
  for (const auto& device : devices) {
    if (device.id == id) return device;
  }
  throw std::runtime_error("no device " + id);
}

}  // namespace iris::identity::test
