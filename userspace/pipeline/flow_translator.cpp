// SPDX-License-Identifier: Apache-2.0
#include "pipeline/flow_translator.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace iris::pipeline {
namespace {

std::optional<base::IpAddress> known_address(const std::uint8_t (&bytes)[16]) {
  const base::IpAddress address = address_of(bytes);
  if (address.is_unspecified()) return std::nullopt;
  return address;
}

}  // namespace

AddressSet read_host_addresses() {
  AddressSet addresses;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(first, &freeifaddrs);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    base::IpAddress address;
    if (one->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4;
      std::memcpy(&v4, one->ifa_addr, sizeof v4);
      address.bytes[10] = address.bytes[11] = 0xff;
      std::memcpy(address.bytes.data() + 12, &v4.sin_addr, 4);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6;
      std::memcpy(&v6, one->ifa_addr, sizeof v6);
      std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
    } else {
      continue;
    }
    addresses.insert(address);
  }
  return addresses;
}

flow::Scope FlowTranslator::scope_of(const flow::FlowRecord& record) const {
  if (record.peer_owner) return flow::Scope::container;
  const base::IpAddress& peer = *record.peer_address;
  // The kernel takes "any address" as a peer for this host itself.
  if (peer.is_loopback() || peer.is_unspecified()) return flow::Scope::loopback;
  if (host_addresses_.contains(peer)) return flow::Scope::host;
  return peer.is_site_local() ? flow::Scope::site : flow::Scope::external;
}

flow::Attribution FlowTranslator::attribution_of(const iris_flow_value& value, const flow::Owner& owner) const {
  if (owner.cgroup_id == 0 || !lookups_.is_known(owner.cgroup_id)) return flow::Attribution::unknown;
  if (owner.kind == flow::OwnerKind::host && owner.name.empty()) return flow::Attribution::cgroup;
  switch (value.attribution) {
    case IRIS_ATTRIBUTION_EXACT: return flow::Attribution::exact;
    case IRIS_ATTRIBUTION_SOCKET: return flow::Attribution::socket;
    default: return flow::Attribution::unknown;
  }
}

flow::FlowRecord FlowTranslator::flow(const iris_flow_key& key, const iris_flow_value& value, const Window& window) {
  static_assert(IRIS_FAILURES == flow::kFailureReasons);
  flow::FlowRecord record;
  record.window_start_wall_ns = window.start_wall_ns;
  record.window_end_wall_ns = window.end_wall_ns;
  record.owner = lookups_.owner(key.cgroup_id);
  record.role = role_of(key.role);
  record.protocol = key.protocol;
  record.service_port = key.service_port;
  record.folded = key.folded != 0;
  if (!record.folded) {
    record.local_address = known_address(value.local_address);  // of a folded one: any of many
    const base::IpAddress peer = address_of(key.peer_address);
    record.peer_address = peer;
    record.peer_names = lookups_.names(key.cgroup_id, peer);
  }
  record.opened = value.opened;
  record.established = value.established;
  record.closed = value.closed;
  record.active = value.active;
  std::copy(std::begin(value.failed), std::end(value.failed), record.failed.begin());
  record.originator_bytes = value.originator_bytes;
  record.responder_bytes = value.responder_bytes;
  record.originator_packets = value.originator_packets;
  record.responder_packets = value.responder_packets;
  record.retransmits = value.retransmits;
  if (value.rtt_count != 0) {
    record.rtt_us = flow::RttSummary{value.rtt_min_us, static_cast<std::uint32_t>(value.rtt_sum_us / value.rtt_count),
                                     value.rtt_max_us};
  }
  record.first_seen_wall_ns = to_wall_ns(value.first_seen_ns, window.offset);
  record.last_seen_wall_ns = to_wall_ns(value.last_seen_ns, window.offset);
  for (const auto& comm : value.comms) {
    if (comm[0] != '\0') record.processes.push_back(text_of(comm));
  }
  record.pre_existing = value.pre_existing != 0;
  record.attribution = attribution_of(value, *record.owner);
  conversations_.learn(record);
  return record;
}

bool FlowTranslator::conclude(flow::FlowRecord& record) const {
  if (record.folded) return true;
  if (!conversations_.conclude(record)) return false;
  record.scope = scope_of(record);
  name_device(record);
  return true;
}

void FlowTranslator::name_device(flow::FlowRecord& record) const {
  if (!devices_ || record.scope < flow::Scope::container) return;  // this host itself
  // The port of a peer that opened the conversation says nothing of who it is.
  const std::uint16_t port = record.role == flow::Role::originator ? record.service_port : 0;
  if (const auto* id = devices_->device_of(*record.peer_address, port, record.protocol)) record.peer_device = *id;
}

}  // namespace iris::pipeline
