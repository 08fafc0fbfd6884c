// SPDX-License-Identifier: Apache-2.0
#include "profile/observation.h"

#include <algorithm>

#include "profile/sketch.h"

namespace iris::profile {
namespace {

constexpr std::uint16_t kFirstDynamicPort = 32768;  // Linux' ip_local_port_range

Reach reach_of(const flow::FlowRecord& record) {
  if (record.peer_address && is_group_address(*record.peer_address)) return Reach::near;
  switch (record.scope) {
    case flow::Scope::loopback:
    case flow::Scope::host:
    case flow::Scope::container: return Reach::near;
    case flow::Scope::site: return Reach::site;
    case flow::Scope::external: break;
  }
  // A plant may use public addresses; who is known as a device behind the gateway is no stranger in the Internet.
  return record.peer_device.empty() ? Reach::external : Reach::site;
}

Observation common(const flow::FlowRecord& record) {
  Observation seen;
  seen.start_ns = record.window_start_wall_ns;
  seen.end_ns = record.window_end_wall_ns;
  seen.role = record.role;
  seen.protocol = record.protocol;
  seen.port = record.service_port;
  seen.reach = reach_of(record);
  seen.attempts = record.opened;
  seen.discovery = is_discovery(record.protocol, record.service_port);
  seen.named = !record.peer_names.empty();
  seen.pre_existing = record.pre_existing;
  seen.folded = record.folded;
  for (std::size_t i = 0; i < flow::kFailureReasons; ++i)
    if (static_cast<flow::FailureReason>(i) != flow::FailureReason::reset) seen.failures += record.failed[i];
  seen.refused = record.failed[static_cast<std::size_t>(flow::FailureReason::refused)];
  // Packets of TCP include handshakes that a closed port answers; payload does not.
  const bool tcp = record.protocol == 6;
  const bool both = tcp ? record.originator_bytes > 0 && record.responder_bytes > 0
                        : record.originator_packets > 0 && record.responder_packets > 0;
  seen.answered = std::max<std::uint64_t>(record.established, both ? std::max<std::uint64_t>(record.opened, 1) : 0);
  if (record.established == 0 && seen.failures >= seen.attempts && seen.failures > 0 && !both) seen.answered = 0;
  // The kernel knows no failure for UDP and ICMP: no answer is one.
  if (!tcp && seen.answered == 0) seen.failures = std::max(seen.failures, seen.attempts);
  return seen;
}

}  // namespace

Observation observe(const flow::FlowRecord& record) {
  Observation seen = common(record);
  const bool out = seen.outbound();
  seen.bytes_out = out ? record.originator_bytes : record.responder_bytes;
  seen.bytes_in = out ? record.responder_bytes : record.originator_bytes;
  seen.packets_out = out ? record.originator_packets : record.responder_packets;
  seen.packets_in = out ? record.responder_packets : record.originator_packets;
  seen.peer = identify_peer(record);
  seen.address = record.peer_address;
  return seen;
}

Observation observe_from_peer(const flow::FlowRecord& record) {
  flow::FlowRecord mirrored;
  mirrored.peer_owner = record.owner;
  mirrored.scope = flow::Scope::site;
  Observation seen = common(record);
  seen.role = seen.outbound() ? flow::Role::responder : flow::Role::originator;
  const bool out = seen.outbound();
  seen.bytes_out = out ? record.originator_bytes : record.responder_bytes;
  seen.bytes_in = out ? record.responder_bytes : record.originator_bytes;
  seen.packets_out = out ? record.originator_packets : record.responder_packets;
  seen.packets_in = out ? record.responder_packets : record.originator_packets;
  seen.reach = Reach::site;
  seen.peer = identify_peer(mirrored);
  seen.address = record.local_address;
  seen.named = false;
  return seen;
}

std::uint16_t service_port(std::uint16_t port) { return std::min(port, kFirstDynamicPort); }

std::uint64_t service_key(const Observation& seen) {
  return mix(static_cast<std::uint64_t>(seen.role) << 40 | static_cast<std::uint64_t>(seen.reach) << 32 |
             static_cast<std::uint64_t>(seen.protocol) << 16 | service_port(seen.port)) |
         1;
}

}  // namespace iris::profile
