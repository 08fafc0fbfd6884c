// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/device.h"

/// What a document says of the thing it describes: how its hardware is called
/// and where it can be reached. Pure.
namespace iris::identity {

/// "00:1b:44:11:3a:b7" of any common way to write a MAC address (colons, dashes,
/// Cisco's dots, bare digits). None when it is none, or cannot belong to one
/// device: all zeros, broadcast, multicast.
std::optional<std::string> normal_mac(std::string_view text);

/// "mac:..", "deveui:.." in their one spelling, "serial:..", "hwid:.." without
/// blanks around. Empty for what names no hardware: placeholders ("unknown",
/// "n/a", "000"), fewer than three characters (a number in a list, not a name),
/// and "unit:..", which tells devices on one line apart and means nothing alone.
std::string normal_hardware_id(std::string_view id);

/// An IP literal, alone or with a port behind it: "198.51.100.7:502", "[2001:db8::7]:502".
std::optional<flow::DeviceAddress> parse_address(std::string_view text);

/// An address that one device can own, as seen from this gateway: neither
/// loopback nor unspecified, multicast or broadcast.
bool can_belong_to_a_device(const base::IpAddress& address);

struct Claims {
  std::vector<std::string> hardware_ids;  // as normal_hardware_id() gives them
  std::vector<flow::DeviceAddress> addresses;
};

/// Adds what a twin's tags or properties say of the device itself, by keys such
/// as mac, macAddress, serialNumber, devEUI, hwId, ip, ipAddress (in any case,
/// with or without '_' and '-'). Only at the top level, below "desired" and
/// "reported", and in objects such as "network" and "hardware": an address
/// deeper down is that of a server or broker. At most 16 of either kind.
/// False, and nothing added, when the text is no JSON object.
bool add_claims(std::string_view json_object, Claims& claims);

}  // namespace iris::identity
