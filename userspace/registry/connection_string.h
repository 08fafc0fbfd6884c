// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/secret.h"

/// Azure connection strings: `Name=Value` pairs joined by `;`. Names in any case; each pair
/// is cut at its first `=`; elements without `=`, or with an empty name or value, are
/// skipped; the last of a repeated name wins. (azure-iot-common, @azure/core-amqp)
namespace iris::registry {

/// The string of an IoT Hub's shared access policy ("service", "iothubowner" ...).
struct IotHubConnection {
  std::string host_name;  // a bare DNS name: "hub.azure-devices.net"
  std::string policy;     // SharedAccessKeyName
  Secret key;             // raw bytes, decoded from base64: as IoT Hub's tokens are signed

  friend bool operator==(const IotHubConnection&, const IotHubConnection&) = default;
};

/// The string of an Event Hubs namespace or hub, or of IoT Hub's built-in endpoint.
struct EventHubConnection {
  std::string host;         // "ns.servicebus.windows.net"
  std::uint16_t port = 0;   // 0: the default (5671; 5672 for the development emulator)
  std::string policy;       // SharedAccessKeyName; empty with a ready-made signature
  Secret key;               // the text as written, not decoded: as Event Hubs' tokens are signed
  Secret signature;         // SharedAccessSignature, in place of policy and key
  std::string entity_path;  // the hub; empty: a string of the whole namespace
  bool development_emulator = false;  // plain TCP; only for a host on this machine or network

  /// "sb://host/" or "sb://host:port/", with the slash.
  std::string endpoint() const;

  friend bool operator==(const EventHubConnection&, const EventHubConnection&) = default;
};

/// The errors say what is wrong and what to use instead. They name parts of the string but
/// never a value other than a host name.
base::Result<IotHubConnection> parse_iot_hub_connection(std::string_view text);
base::Result<EventHubConnection> parse_event_hub_connection(std::string_view text);

/// Whether a secret may go there in plain text: this host, a private address, or a name that only
/// the local network can know (without a dot, .local, .internal).
bool is_nearby_host(const std::string& host);

}  // namespace iris::registry
