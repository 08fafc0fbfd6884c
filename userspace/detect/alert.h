// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/records.h"

/// What a person is told. Field names follow the JSON contract ("type":"alert").
namespace iris::detect {

enum class AlertClass : std::uint8_t {
  initial_infection,
  lateral_movement,
  command_and_control,
  data_exfiltration,
  denial_of_service,
  crash,  // and every loss of availability: killed, silent, its storage gone
  unauthorized_access,
  known_risky,
  anomalous_process,
  agent_tampering,
};
inline constexpr std::size_t kAlertClasses = 10;

enum class AlertStatus : std::uint8_t { open, acknowledged, false_positive, closed };

enum class Severity : std::uint8_t { information = 1, low, medium, high, critical };

/// What was normal, as a range; `metric` and `unit` in plain words.
struct Expected {
  std::string metric;
  double low = 0;
  double high = 0;
  std::string unit;
};

struct Alert {
  std::string id;             // the same for the same records: a replay finds it again
  std::uint64_t wall_ns = 0;  // end of the window in which it was first found
  std::uint64_t last_wall_ns = 0;
  AlertClass alert_class = AlertClass::initial_infection;
  std::string rule;                // of the first finding, see README.md
  std::vector<std::string> rules;  // all, in the order found
  Severity severity = Severity::medium;
  std::string gateway;
  flow::OwnerPtr owner;  // none: a device, or the gateway itself
  std::string device;    // Device.id when the workload is a device, else empty
  std::string subject;   // the workload in words: "modbus1", "198.51.100.7"
  std::string peer;      // address, with its name when it has one; empty: many, or none
  std::string summary;
  std::optional<Expected> expected;
  std::optional<double> observed;
  std::vector<std::string> attack_techniques;  // "T1071", "T0869": see techniques.h
  std::vector<flow::Record> evidence;          // bounded copies, the first ones
  std::vector<std::string> affected;           // other workloads that the same source struck; bounded
  std::uint64_t count = 0;                     // findings merged
  double confidence = 1;                       // 0..1; lower where records were lost
  AlertStatus status = AlertStatus::open;
  std::string profile;        // key of the profile concerned, and the contact in it (0: none):
  std::uint64_t contact = 0;  // what a verdict on this alert teaches
};

const char* to_string(AlertClass alert_class);
const char* to_string(AlertStatus status);
const char* to_string(Severity severity);

}  // namespace iris::detect
