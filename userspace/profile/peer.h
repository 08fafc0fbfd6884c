// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "flow/records.h"

namespace iris::profile {

/// What a peer is, the most telling first; its address only when nothing else is
/// known. group: multicast and broadcast. role: a service of the network (time,
/// addresses, names), whoever offers it. network: a block of external addresses
/// (/16, IPv6 /32), since a service in a cloud moves within it.
enum class PeerKind : std::uint8_t { module, device, host, group, role, lan, name, network, unknown };

struct Peer {
  PeerKind kind = PeerKind::unknown;
  std::string label;       // "modbus1", "gw1/thermostat", "ntp", "example.org", "198.51.0.0/16"
  std::uint64_t hash = 0;  // of kind and label
};

/// Protocols by which devices find each other and the network: local, mostly
/// unanswered, to ports and groups without news value.
bool is_discovery(std::uint8_t protocol, std::uint16_t port);
/// Time, addresses, names: what every host asks of its network. Bytes tell a time
/// server from a tunnel on its port.
bool is_infrastructure(const flow::FlowRecord& record);
bool is_group_address(const base::IpAddress& address);

Peer identify_peer(const flow::FlowRecord& record);

const char* to_string(PeerKind kind);

}  // namespace iris::profile
