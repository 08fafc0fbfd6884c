// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "profile/profile.h"

/// Readable builders of flow summaries.
namespace iris::profile::testing {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kHour = 3600 * kSecond;
inline constexpr std::uint64_t kDay = 24 * kHour;
inline constexpr std::uint64_t kStart = 1'767'225'600 * kSecond;  // a Thursday, 0 h UTC

inline flow::FlowRecord outbound(std::uint64_t time_ns, const std::string& peer, std::uint16_t port,
                                 const std::string& name = "") {
  flow::FlowRecord record;
  record.window_start_wall_ns = time_ns;
  record.window_end_wall_ns = time_ns + 10 * kSecond;
  record.protocol = 6;
  record.peer_address = base::IpAddress::parse(peer);
  record.scope =
      record.peer_address && record.peer_address->is_site_local() ? flow::Scope::site : flow::Scope::external;
  record.service_port = port;
  if (!name.empty()) record.peer_names = {name};
  record.opened = record.established = record.closed = 1;
  record.originator_bytes = 500;
  record.responder_bytes = 900;
  record.originator_packets = 6;
  record.responder_packets = 6;
  return record;
}

inline flow::FlowRecord in_vain(flow::FlowRecord record) {
  record.established = record.closed = 0;
  record.failed[static_cast<std::size_t>(flow::FailureReason::timed_out)] = record.opened;
  record.originator_bytes = record.responder_bytes = record.responder_packets = 0;
  return record;
}

/// Of one module to another on the same host.
inline flow::FlowRecord to_module(std::uint64_t time_ns, const std::string& module) {
  auto record = outbound(time_ns, "10.0.0.3", 8883);
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.module_id = module;
  record.peer_owner = std::make_shared<const flow::Owner>(owner);
  record.scope = flow::Scope::container;
  return record;
}

/// A workload that asks two peers by turns, every ten minutes, for `days`.
inline std::uint64_t teach_routine(Profile& profile, double days, std::uint64_t start = kStart) {
  std::uint64_t time = start;
  for (int i = 0; time < start + static_cast<std::uint64_t>(days * static_cast<double>(kDay));
       ++i, time += 600 * kSecond)
    profile.learn(observe(i % 2 == 0 ? outbound(time, "198.51.100.7", 8883, "mqtt.example.org")
                                     : outbound(time, "10.0.0.9", 502)),
                  Lesson::normal);
  return time;
}

}  // namespace iris::profile::testing
