// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "detect/alert.h"
#include "notify/sink.h"
#include "analysis/alert_json.h"

namespace iris::notify::test_support {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kFound = 1'793'613'600 * kSecond;  // 2026-11-02T10:00:00Z

/// As the store keeps it: the program's own writer makes its JSON.
inline detect::Alert sample_alert() {
  auto owner = std::make_shared<flow::Owner>();
  owner->kind = flow::OwnerKind::container;
  owner->name = "pump-reader-1";
  owner->module_id = "pump-reader";
  owner->image = "registry.example/pump@sha256:4f1c";
  flow::FlowRecord talk;
  talk.window_start_wall_ns = kFound - 60 * kSecond;
  talk.window_end_wall_ns = kFound;
  talk.first_seen_wall_ns = kFound - 58 * kSecond;
  talk.last_seen_wall_ns = kFound - kSecond;
  talk.owner = owner;
  talk.protocol = 6;
  talk.local_address = base::IpAddress::parse("172.18.0.5");
  talk.peer_address = base::IpAddress::parse("203.0.113.66");
  talk.service_port = 6667;
  talk.peer_names = {"irc.example.net"};
  talk.originator_bytes = 2220;
  talk.processes = {"pumpd"};
  detect::Alert alert;
  alert.id = "01JBX4";
  alert.wall_ns = kFound;
  alert.last_wall_ns = kFound + 123'456'789;
  alert.alert_class = detect::AlertClass::command_and_control;
  alert.rule = "failing_new_peer";
  alert.rules = {"failing_new_peer", "known_risky_outbound"};
  alert.severity = detect::Severity::high;
  alert.gateway = "gw-17.example.net";
  alert.owner = owner;
  alert.subject = "pump-reader";
  alert.peer = "203.0.113.66";
  alert.summary = "37 of 37 tries unanswered\nlearned peers = 2";
  alert.attack_techniques = {"T1571", "T1095"};
  alert.evidence = {talk};
  alert.count = 37;
  return alert;
}

inline std::string json_of(const detect::Alert& alert, const std::string& device = "") {
  std::string text;
  analysis::append_alert(text, alert, device);
  return text;
}

inline Notice notice_of(std::uint64_t change, detect::Alert alert = sample_alert()) {
  return {change, static_cast<int>(alert.severity), json_of(alert)};
}

}  // namespace iris::notify::test_support
