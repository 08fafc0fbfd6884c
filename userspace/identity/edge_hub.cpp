// SPDX-License-Identifier: Apache-2.0
#include "identity/edge_hub.h"

#include "identity/json.h"
#include "identity/reading.h"
#include "identity/text.h"

namespace iris::identity {

Reading read_edge_hub(std::string_view twin, const std::string& gateway_id) {
  Reading reading;
  const auto parsed = parse_json(twin);
  if (!parsed) {
    add_fault(reading, "$edgeHub: " + parsed.error().message);
    return reading;
  }
  const Json* clients = at_path(single(*parsed), {"properties", "reported", "clients"});
  if (clients == nullptr || clients->is_null()) return reading;  // nobody has connected yet
  if (!clients->is_object()) {
    add_fault(reading, "$edgeHub: clients is no object");
    return reading;
  }
  for (const auto& [name, client] : clients->items()) {
    if (!client.is_object() || name == "$metadata" || name == "$version") continue;
    const std::size_t slash = name.find('/');
    const std::string device = name.substr(0, slash);
    const std::string module = slash == std::string::npos ? std::string() : name.substr(slash + 1);
    if (!is_hub_id(device) || (slash != std::string::npos && !is_hub_id(module))) {
      add_fault(reading, "$edgeHub: a client with a name that IoT Hub does not allow");
      continue;
    }
    Evidence evidence;
    evidence.source = Source::edge_hub;
    evidence.name = name;
    evidence.connected = equal_any_case(trimmed(raw_text(member_any_case(client, {"status"}))), "connected");
    if (!module.empty()) {
      evidence.kind = flow::DeviceKind::module;
      evidence.parent = device;
      evidence.module_id = module;
    } else if (device == gateway_id) {
      evidence.kind = flow::DeviceKind::gateway;
    }
    add(reading, std::move(evidence));
  }
  return reading;
}

}  // namespace iris::identity
