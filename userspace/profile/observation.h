// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/ip_address.h"
#include "flow/records.h"
#include "profile/peer.h"

namespace iris::profile {

/// Where a peer stands as seen from a workload; near: same host or a container
/// beside it, or a group address.
enum class Reach : std::uint8_t { near, site, external };

/// One flow summary as one workload sees it: "out" is what the workload sent.
struct Observation {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  flow::Role role = flow::Role::originator;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;  // of the service; 0: not known, or the protocol has none
  Reach reach = Reach::external;
  Peer peer;
  std::optional<base::IpAddress> address;  // the peer's
  std::uint64_t attempts = 0;
  std::uint64_t answered = 0;  // attempts that got an answer, or traffic both ways
  std::uint64_t failures = 0;  // attempts without success
  std::uint64_t refused = 0;   // of the failures
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t packets_in = 0;
  bool discovery = false;  // see is_discovery()
  bool named = false;
  bool pre_existing = false;  // direction is a guess: older than the agent
  bool folded = false;

  bool outbound() const { return role == flow::Role::originator; }
};

/// How the owner of `record` sees it.
Observation observe(const flow::FlowRecord& record);
/// How the peer sees it (a device that Iris only sees from the gateway); the
/// peer's peer is then the owner.
Observation observe_from_peer(const flow::FlowRecord& record);

/// What a service is, apart from who offers it: role, reach, protocol and port,
/// ports above 32767 counted as one (dynamic).
std::uint64_t service_key(const Observation& seen);
/// 16-bit port as services know it: 32768 stands for all dynamic ones.
std::uint16_t service_port(std::uint16_t port);

}  // namespace iris::profile
