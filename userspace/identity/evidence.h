// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flow/device.h"

/// What single sources say of devices. Pure: no I/O, no clock. Readers turn foreign
/// documents into evidence, merge.h turns evidence into identities.
namespace iris::identity {

/// Who says so. The order is that of trust, where two differ on a plain field.
enum class Source : std::uint8_t {
  configured,            // the mapping in irisd.toml
  iot_hub,               // a twin
  edge_agent,            // $edgeAgent, desired and reported
  edge_hub,              // the clients of $edgeHub: uses this gateway now
  edgex,                 // core-metadata
  modbus_module,         // SlaveConfigs of Microsoft's Modbus module
  opc_publisher,         // the published nodes
  translation_table,     // a module that irisd.toml describes
  module_configuration,  // found by the tolerant reader in a module's configuration
  dhcp_lease,
  neighbour_table,
  host_name,             // hosts file, mDNS
};
const char* to_string(Source source);  // as in Device.sources

/// One statement of one source about one device. Empty: the source does not say.
struct Evidence {
  Source source = Source::iot_hub;
  flow::DeviceKind kind = flow::DeviceKind::leaf;  // what the source takes it for
  std::string name;       // the id in that source: "thermostat", "gw1/modbus1", "boiler-3", "PowerMeter-01"
  std::string parent;     // IoT Hub id of the device it hangs below
  std::string module_id;  // the module that speaks for it
  /// What the hardware is called, with its kind: "mac:00:1b:44:11:3a:b7", "hwid:PowerMeter-01",
  /// "serial:4711", "deveui:..", "unit:1". A MAC address is in lower case with colons.
  std::vector<std::string> hardware_ids;
  std::vector<flow::DeviceAddress> addresses;
  std::string tags;           // a JSON object, cleaned of $metadata and of secrets
  std::string configuration;  // the same
  std::string status;
  bool deployed = true;
  bool connected = false;     // uses this gateway now

  friend bool operator==(const Evidence&, const Evidence&) = default;
};

/// Once a registry has said it, it does not change: thousands of devices are held once, by whoever
/// needs them. Never null.
using SharedEvidence = std::shared_ptr<const Evidence>;
std::vector<SharedEvidence> share(std::vector<Evidence> evidence);

/// What a reader made of a document: hostile and broken ones yield faults, never an
/// exception. A fault names the place in the document, never a value that may be secret.
struct Reading {
  std::vector<Evidence> evidence;
  std::vector<std::string> faults;
};

}  // namespace iris::identity
