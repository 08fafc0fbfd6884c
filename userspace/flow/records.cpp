// SPDX-License-Identifier: Apache-2.0
#include "flow/records.h"

#include <csignal>
#include <cstring>

namespace iris::flow {

const char* to_string(OwnerKind kind) {
  static constexpr const char* kNames[] = {"host", "service", "container"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* to_string(Role role) { return role == Role::originator ? "originator" : "responder"; }

const char* to_string(Scope scope) {
  static constexpr const char* kNames[] = {"loopback", "host", "container", "site", "external"};
  return kNames[static_cast<std::size_t>(scope)];
}

const char* to_string(Attribution attribution) {
  static constexpr const char* kNames[] = {"exact", "socket", "cgroup", "unknown"};
  return kNames[static_cast<std::size_t>(attribution)];
}

const char* to_string(FailureReason reason) {
  static constexpr const char* kNames[] = {"refused", "timed_out", "unreachable", "reset", "denied", "other"};
  return kNames[static_cast<std::size_t>(reason)];
}

const char* to_string(SocketEventType type) {
  static constexpr const char* kNames[] = {"connect", "accept", "established", "failed", "close", "listen", "udp"};
  return kNames[static_cast<std::size_t>(type)];
}

const char* to_string(ConnState state) {
  static constexpr const char* kNames[] = {"", "S0", "S1", "SF", "REJ", "RSTO", "RSTR", "OTH"};
  return kNames[static_cast<std::size_t>(state)];
}

const char* to_string(ExitClass exit_class) {
  static constexpr const char* kNames[] = {"clean", "error", "crash", "killed", "oom"};
  return kNames[static_cast<std::size_t>(exit_class)];
}

const char* to_string(ContainerRecord::Change change) {
  static constexpr const char* kNames[] = {"present", "added", "updated", "removed"};
  return kNames[static_cast<std::size_t>(change)];
}

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case 1: return "icmp";
    case 2: return "igmp";
    case 4: return "ipip";
    case 6: return "tcp";
    case 17: return "udp";
    case 41: return "ipv6";
    case 47: return "gre";
    case 50: return "esp";
    case 51: return "ah";
    case 58: return "ipv6-icmp";
    case 89: return "ospf";
    case 112: return "vrrp";
    case 132: return "sctp";
    case 136: return "udplite";
    default: return "protocol-" + std::to_string(protocol);
  }
}

std::string signal_name(int signal) {
  if (const char* name = sigabbrev_np(signal); name != nullptr) return std::string("SIG") + name;
  return "SIG" + std::to_string(signal);
}

}  // namespace iris::flow
