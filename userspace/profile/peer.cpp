// SPDX-License-Identifier: Apache-2.0
#include "profile/peer.h"

#include <fmt/format.h>

#include "profile/domain.h"
#include "profile/sketch.h"

namespace iris::profile {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kLongestLabel = 48;

Peer make(PeerKind kind, std::string label) {
  if (label.size() > kLongestLabel) label.resize(kLongestLabel);
  Peer peer{kind, std::move(label), 0};
  peer.hash = stable_hash(peer.label, static_cast<std::uint64_t>(kind) + 1);
  return peer;
}

std::string block_of(const base::IpAddress& address) {
  const auto& b = address.bytes;
  if (address.is_v4()) return fmt::format("{}.{}.0.0/16", b[12], b[13]);
  return fmt::format("{:x}:{:x}::/32", b[0] << 8 | b[1], b[2] << 8 | b[3]);
}

std::string owner_label(const flow::Owner& owner) {
  if (!owner.module_id.empty()) return owner.module_id;
  return owner.name.empty() ? owner.container_id.substr(0, 12) : owner.name;
}

}  // namespace

bool is_discovery(std::uint8_t protocol, std::uint16_t port) {
  if (protocol == 2) return true;  // IGMP
  if (protocol != kUdp) return false;
  switch (port) {
    case 67:
    case 68:
    case 546:
    case 547:  // DHCP
    case 137:
    case 138:  // NetBIOS names
    case 1900:
    case 3702:
    case 5353:
    case 5355: return true;
    default: return false;
  }
}

bool is_infrastructure(const flow::FlowRecord& record) {
  if (record.role != flow::Role::originator) return false;
  const std::uint64_t packets = record.originator_packets + record.responder_packets;
  const std::uint64_t bytes = record.originator_bytes + record.responder_bytes;
  if (record.protocol == kUdp && record.service_port == 123) return bytes <= packets * 128;
  const bool dns = record.service_port == 53 && (record.protocol == kUdp || record.protocol == kTcp);
  return dns || (record.protocol == kTcp && record.service_port == 853);
}

bool is_group_address(const base::IpAddress& address) {
  const auto& b = address.bytes;
  if (address.is_v4()) {
    const bool broadcast = b[12] == 255 && b[13] == 255 && b[14] == 255 && b[15] == 255;
    return broadcast || (b[12] & 0xf0) == 0xe0;
  }
  return b[0] == 0xff;
}

Peer identify_peer(const flow::FlowRecord& record) {
  if (record.peer_owner) {
    const auto& owner = *record.peer_owner;
    return owner.kind == flow::OwnerKind::host ? make(PeerKind::host, "host")
                                               : make(PeerKind::module, owner_label(owner));
  }
  if (!record.peer_device.empty()) return make(PeerKind::device, record.peer_device);
  if (!record.peer_address) return make(PeerKind::unknown, "folded");
  const auto& address = *record.peer_address;
  // Nets end at an address of 255 nearly always: that one is their broadcast address.
  const bool directed =
      record.scope == flow::Scope::site && record.protocol == kUdp && address.is_v4() && address.bytes[15] == 255;
  if (is_group_address(address) || directed) return make(PeerKind::group, "group");
  if (record.scope == flow::Scope::loopback || record.scope == flow::Scope::host) return make(PeerKind::host, "host");
  if (is_infrastructure(record)) {
    // A resolver is a choice of the network's owner; time servers come from a pool.
    if (record.service_port == 123) return make(PeerKind::role, "time server");
    return make(PeerKind::role, record.scope == flow::Scope::external ? "public resolver" : "resolver");
  }
  if (record.scope != flow::Scope::external) return make(PeerKind::lan, address.to_string());
  if (!record.peer_names.empty()) return make(PeerKind::name, registrable_domain(record.peer_names.front()));
  return make(PeerKind::network, block_of(address));
}

const char* to_string(PeerKind kind) {
  switch (kind) {
    case PeerKind::module: return "module";
    case PeerKind::device: return "device";
    case PeerKind::host: return "host";
    case PeerKind::group: return "group";
    case PeerKind::role: return "role";
    case PeerKind::lan: return "lan";
    case PeerKind::name: return "name";
    case PeerKind::network: return "network";
    case PeerKind::unknown: break;
  }
  return "unknown";
}

}  // namespace iris::profile
