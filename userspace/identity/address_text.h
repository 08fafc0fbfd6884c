// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "flow/device.h"

/// Addresses as people write them into configurations.
namespace iris::identity {

inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;

/// Where a text points to: an IP address or host name with perhaps a port, a URL, or a serial line.
struct Target {
  enum class Kind : std::uint8_t { ip, host, serial };
  Kind kind = Kind::ip;
  std::string scheme;  // in lower case; empty when the text is no URL
  std::string host;    // in lower case; of a serial line its path
  std::optional<base::IpAddress> ip;
  std::uint16_t port = 0;  // 0: not told
  std::string path;        // of a URL, from '/'; without query
};

/// "192.0.2.1", "192.0.2.1:502", "[2001:db8::1]:502", "2001:db8::1", "opc.tcp://u:p@plc7:4840/x",
/// "plc7.site", "plc7:502", "/dev/ttyS0", "ttyUSB0", "COM3". A user and password are passed over.
/// None for what is neither, e.g. a number, a path or a sentence.
std::optional<Target> parse_target(std::string_view text);

/// "/dev/tty*", "tty" and a capital letter, "COM" and a number.
bool is_serial_line(std::string_view text);
/// Letters, digits, '-', '_' and '.', with a letter in its last label.
bool is_host_name(std::string_view text);
/// "00:1b:44:11:3a:b7" of any usual spelling with twelve hexadecimal digits; "" for others and for
/// addresses that are no device's (all zero, broadcast).
std::string normalized_mac(std::string_view text);

struct ProtocolDefaults {
  std::uint8_t protocol = 0;  // IANA number; 0: any
  std::uint16_t port = 0;     // 0: any
};
/// Of a URL scheme or protocol name in any case: "modbus", "opc.tcp", "BACnet-IP" ...
std::optional<ProtocolDefaults> protocol_defaults(std::string_view name);

/// The address for a flow to be compared with: `defaults` fill in what the target does not say.
flow::DeviceAddress to_address(const Target& target, ProtocolDefaults defaults = {});

}  // namespace iris::identity
