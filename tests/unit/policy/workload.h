// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../profile/observations.h"
#include "policy/policy.h"

/// A module with a few habits, its profile, and the policy made of both.
namespace iris::policy::testing {

using profile::testing::kDay;
using profile::testing::kSecond;
using profile::testing::kStart;

inline flow::OwnerPtr module_owner(const std::string& name = "modbus1", const std::string& container = "4f1c") {
  auto owner = std::make_shared<flow::Owner>();
  owner->kind = flow::OwnerKind::container;
  owner->name = name;
  owner->module_id = name;
  owner->container_id = container;
  owner->image = "registry/modbus:1.4";
  owner->cgroup_path = "/system.slice/docker-" + container + ".scope";
  return owner;
}

inline flow::FlowRecord opens(const std::string& peer, std::uint16_t port, const std::string& name = "",
                              std::uint8_t protocol = 6) {
  auto record = profile::testing::outbound(kStart, peer, port, name);
  record.owner = module_owner();
  record.protocol = protocol;
  record.local_address = base::IpAddress::parse(record.peer_address->is_v4() ? "172.18.0.5" : "fd00:18::5");
  return record;
}

inline flow::FlowRecord is_called(const std::string& peer, std::uint16_t port) {
  auto record = opens(peer, port);
  record.role = flow::Role::responder;
  return record;
}

/// Broker and update server in a cloud, a controller, names and time, a block without a name, who calls.
inline std::vector<flow::FlowRecord> habits() {
  return {opens("198.51.100.7", 8883, "mqtt.example.org"),
          opens("2001:db8::7", 8883, "mqtt.example.org"),
          opens("10.0.0.9", 502),
          opens("10.0.0.1", 53, "", 17),
          opens("203.0.113.5", 123, "", 17),
          opens("203.0.113.77", 443),
          is_called("10.0.0.20", 8080)};
}

struct Workload {
  profile::Profile profile;
  std::vector<flow::FlowRecord> flows;  // of the last days

  /// Every ten minutes for two days.
  explicit Workload(std::vector<flow::FlowRecord> records = habits(), double days = 2) : flows(std::move(records)) {
    for (std::uint64_t time = kStart; time < kStart + static_cast<std::uint64_t>(days * static_cast<double>(kDay));
         time += 600 * kSecond)
      for (auto& record : flows) {
        record.window_start_wall_ns = record.first_seen_wall_ns = time;
        record.window_end_wall_ns = time + 10 * kSecond;
        profile.learn(profile::observe(record), profile::Lesson::normal);
      }
  }

  base::Result<Policy> make(bool force = false, const std::string& key = "image/registry/modbus") const {
    Builder builder(key, profile);
    for (const auto& record : flows) builder.add("gw1", record, Side::owner);
    return builder.finish(kStart, kStart + 7 * kDay, force);
  }
};

/// Names that try to get out of where they stand.
inline const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts{
      "a\"; }\n table inet evil { }\n#",
      "x\nflush ruleset\n",
      "\"}]}}, \"evil\": {\"a\": \"b",
      "'; drop table inet iris; '",
      "a: {b: &c !!python/object:evil [*c]}\n- evil: yes",
      "evil\r\nkind: Secret",
      "\\\" \\n \\\\\n",
      "\x1b[2J\x07\xff\xfe\xc3\x28",
      "\xe2\x80\xae" "gpj.exe",
      "*.example.org",
      std::string("nul\0behind", 10),
      std::string(4000, 'A'),
      "",
      "../../etc",
      "$(reboot)`reboot`",
  };
  return texts;
}

}  // namespace iris::policy::testing
