// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "flow/records.h"

namespace iris::simulator {

enum class Party : std::uint8_t { edge_agent, edge_hub, modbus, telemetry, edged, docker, none };
inline constexpr std::array kPartyNames{"edgeAgent", "edgeHub",    "modbus1",
                                        "telemetry1", "aziot-edged.service", "docker.service"};
inline constexpr std::size_t kModules = 4;  // the first are containers, the others services

/// request: a connection each. session: one that stays open. refused, dropped:
/// an attempt each, that fails.
enum class Kind : std::uint8_t { request, session, datagram, refused, dropped };

/// Who talks to whom on the gateway, and what that is like.
struct Conversation {
  Party owner;
  const char* process;
  Kind kind;
  flow::Role role;
  const char* local;
  const char* peer;
  std::uint16_t port;
  const char* peer_name;  // empty: none
  Party peer_owner;
  flow::Scope scope;
  std::uint64_t period_ms;  // between two exchanges, and what they carry
  std::uint64_t sent_bytes;
  std::uint64_t answered_bytes;
  std::uint32_t rtt_us;  // 0: not measured
};

/// Of tests/support/gateway/demo-gateway at rest, as iris-trace shows it.
std::span<const Conversation> conversations();

}  // namespace iris::simulator
