// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"

/// Identities: who an address is, as registries and configurations say, and what
/// the cloud's diagnostics report of them. Plain values; how they are found out
/// and merged: identity/.
namespace iris::flow {

/// gateway: this host, as IoT Hub knows it. leaf: a device behind it with an
/// identity of its own in IoT Hub. module: an IoT Edge module. edgex: known to
/// EdgeX only. manufactured: named by the configuration of a translating module.
/// observed: nobody registered it; the gateway has seen it.
enum class DeviceKind : std::uint8_t { gateway, leaf, module, edgex, manufactured, observed };

/// How a device reaches the cloud, decided for each one; none for the gateway
/// itself, for modules, and where nothing tells.
enum class GatewayPattern : std::uint8_t { none, transparent, identity_translation, protocol_translation };

/// Where a device can be reached, or what it is called on its medium.
struct DeviceAddress {
  std::optional<base::IpAddress> ip;  // none: a serial line, a MAC address, a host name: see text
  std::uint16_t port = 0;             // 0: any
  std::uint8_t protocol = 0;          // IANA number; 0: any
  std::string text;                   // when ip is none: "/dev/ttyS0", "00:1b:..", "plc7.site"

  friend bool operator==(const DeviceAddress&, const DeviceAddress&) = default;
};

/// One identity: the DEVICE object of the JSON contract. Empty means not known.
/// Keys, passwords and tokens never get in here.
struct Device {
  std::string id;          // "gw1", "gw1/modbus1", "gw1/modbus1/PowerMeter-01", "edgex/boiler-3", "observed/198.51.100.7"
  DeviceKind kind = DeviceKind::observed;
  GatewayPattern pattern = GatewayPattern::none;
  std::vector<std::string> sources;  // who said so, in order of name: "iot_hub", "edge_hub", "edgex", "modbus_module" ...
  std::string tags;                  // a JSON object; bounded
  std::string configuration;         // a JSON object: desired and reported properties, connection settings; bounded
  std::vector<DeviceAddress> addresses;
  std::string parent;                // Device.id
  std::string module_id;             // the module that speaks for it
  std::string status;                // "running", "stopped", "backoff" .. of a module; "enabled", "disabled" of a device
  bool deployed = true;              // false: a ghost, in the registry and in no deployment
  std::vector<std::string> conflicts;  // in words: sources that do not agree, and were not merged on a guess

  friend bool operator==(const Device&, const Device&) = default;
};

/// An identity came, changed or went.
struct DeviceRecord {
  enum class Change : std::uint8_t { present, added, updated, removed };
  std::uint64_t wall_ns = 0;
  Change change = Change::present;
  Device device;
};

/// What the cloud reported of a device, and why that matters.
enum class SecurityReason : std::uint8_t {
  unauthorized,          // wrong or missing credential
  token_expired,         // ordinary: the device came back with a new token
  privilege_violation,   // touched what is the system's own
  forbidden,
  disabled,              // a disabled identity in use
  unknown_identity,
  duplicate_identity,    // possibly a cloned credential
  registration_conflict,
  connection_refused,    // closed or refused by the service
  throttled,
  exhausted,             // quota, queue depth
};

/// A security-relevant record of IoT Hub's resource logs.
struct SecurityRecord {
  std::uint64_t wall_ns = 0;  // when it happened, as the service says
  SecurityReason reason = SecurityReason::unauthorized;
  std::uint8_t severity = 3;  // 1 information .. 5 critical
  std::string device_id;      // as in IoT Hub; empty: not told
  std::string module_id;
  std::string category;       // "Connections" ...
  std::string operation;      // "deviceConnect" ...
  std::string code;           // "401003"
  std::string description;
  std::string protocol;       // "Mqtt", "Amqp" ...
  std::string remote_address; // masked by the service: "203.0.113.XXX"
  std::string hub;            // name of the IoT Hub
  std::string device;         // Device.id when the identity is known on this gateway

  friend bool operator==(const SecurityRecord&, const SecurityRecord&) = default;
};

// Names of the JSON contract.
const char* to_string(DeviceKind kind);
const char* to_string(GatewayPattern pattern);  // "" for none
const char* to_string(DeviceRecord::Change change);
const char* to_string(SecurityReason reason);
/// "198.51.100.7:502", "[2001:db8::7]:502", "198.51.100.7", "/dev/ttyS0".
std::string to_string(const DeviceAddress& address);

}  // namespace iris::flow
