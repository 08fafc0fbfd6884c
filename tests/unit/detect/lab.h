// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "detect/judge.h"

/// A judge with a gateway, a module on it and a clock of windows: traffic as readable lines.
namespace iris::detect::testing {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kHour = 3600 * kSecond;
inline constexpr std::uint64_t kStart = 1'767'225'600 * kSecond;

inline flow::OwnerPtr module(const std::string& name, const std::string& image = "registry.example/modbus:1.0") {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.cgroup_id = std::hash<std::string>{}(name);
  owner.name = owner.module_id = name;
  owner.image = image;
  return std::make_shared<const flow::Owner>(owner);
}

class Lab {
 public:
  explicit Lab(Thresholds limits = {}) : judge(limits) {}

  Judge judge;
  std::string gateway = "gw1";
  flow::OwnerPtr owner = module("modbus1");
  std::uint64_t now = kStart;

  flow::FlowRecord out(const std::string& peer, std::uint16_t port, const std::string& name = "") const {
    flow::FlowRecord record;
    record.owner = owner;
    record.window_start_wall_ns = now;
    record.window_end_wall_ns = now + 10 * kSecond;
    record.protocol = 6;
    record.local_address = base::IpAddress::parse("10.0.0.2");
    record.peer_address = base::IpAddress::parse(peer);
    record.scope = record.peer_address->is_site_local() ? flow::Scope::site : flow::Scope::external;
    record.service_port = port;
    if (!name.empty()) record.peer_names = {name};
    record.opened = record.established = record.closed = 1;
    record.originator_bytes = 500;
    record.responder_bytes = 900;
    record.originator_packets = record.responder_packets = 6;
    return record;
  }
  flow::FlowRecord in(const std::string& peer, std::uint16_t port) const {
    auto record = out(peer, port);
    record.role = flow::Role::responder;
    return record;
  }
  static flow::FlowRecord vain(flow::FlowRecord record, std::uint64_t attempts = 1) {
    record.opened = attempts;
    record.established = record.closed = 0;
    record.failed[static_cast<std::size_t>(flow::FailureReason::timed_out)] = attempts;
    record.originator_bytes = record.responder_bytes = record.responder_packets = 0;
    record.originator_packets = attempts;
    return record;
  }

  void see(const flow::Record& record) { judge.add(gateway, record); }
  /// Ends the window, and lets `idle_s` more pass.
  void next(std::uint64_t idle_s = 0) {
    now += 10 * kSecond;
    judge.end_window(gateway, now);
    for (const std::uint64_t end = now + idle_s * kSecond; now < end;) {
      now = std::min(end, now + 300 * kSecond);
      judge.end_window(gateway, now);
    }
  }
  /// Days of a module that polls a controller and reports to its cloud, each every five minutes.
  void routine(double hours) {
    const auto end = now + static_cast<std::uint64_t>(hours * static_cast<double>(kHour));
    while (now < end) {
      see(out("10.0.0.9", 502));
      see(out("198.51.100.7", 8883, "mqtt.example.org"));
      next(290);
    }
  }
  std::vector<Alert> alerts() { return judge.take_alerts(); }
};

inline const Alert* find(const std::vector<Alert>& alerts, const std::string& rule) {
  for (const auto& alert : alerts)
    if (std::find(alert.rules.begin(), alert.rules.end(), rule) != alert.rules.end()) return &alert;
  return nullptr;
}

inline std::string text(const std::vector<Alert>& alerts) {
  std::string all;
  for (const auto& a : alerts) {
    all += a.id + " " + to_string(a.alert_class) + " " + to_string(a.severity) + " " + a.gateway + " " + a.subject +
           " " + a.peer + " " + std::to_string(a.wall_ns) + " " + std::to_string(a.count) + " " + a.summary;
    for (const auto& rule : a.rules) all += " " + rule;
    all += "\n";
  }
  return all;
}

}  // namespace iris::detect::testing
