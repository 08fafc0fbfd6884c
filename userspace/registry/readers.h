// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "identity/evidence.h"
#include "identity/twins.h"

namespace iris::registry {

/// What IoT Hub says of this gateway itself, as it came: each a JSON document, or empty when
/// the hub has none. They may hold secrets (registry credentials in $edgeAgent), stay in memory
/// and go to the reader only.
struct GatewayDocuments {
  std::string gateway_id;
  std::string device_twin;
  std::string edge_agent;                      // module twin of $edgeAgent
  std::string edge_hub;                        // module twin of $edgeHub
  std::map<std::string, std::string> modules;  // module id to twin; without the two above
  std::vector<std::string> deployments;        // those the twins name, if they may be read

  friend bool operator==(const GatewayDocuments&, const GatewayDocuments&) = default;
};

/// How the client turns documents into evidence (gateway_reading.h has the real ones). Called on the client's
/// thread with foreign text of any kind; must not throw and must leave out secrets. A hook that is not set reads
/// nothing.
struct Readers {
  using Reading = identity::Reading;

  /// All of the gateway at once, since the documents explain each other: $edgeAgent names the
  /// image by which the configuration of a module is understood.
  std::function<Reading(const GatewayDocuments& documents)> gateway;
  /// The twin of a device whose parent is this gateway.
  std::function<Reading(std::string_view twin, const identity::Gateway& gateway)> child;
};

}  // namespace iris::registry
