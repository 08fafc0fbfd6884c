// SPDX-License-Identifier: Apache-2.0
#include "detect/alert.h"

namespace iris::detect {

const char* to_string(AlertClass alert_class) {
  switch (alert_class) {
    case AlertClass::initial_infection: return "initial_infection";
    case AlertClass::lateral_movement: return "lateral_movement";
    case AlertClass::command_and_control: return "command_and_control";
    case AlertClass::data_exfiltration: return "data_exfiltration";
    case AlertClass::denial_of_service: return "denial_of_service";
    case AlertClass::crash: return "crash";
    case AlertClass::unauthorized_access: return "unauthorized_access";
    case AlertClass::known_risky: return "known_risky";
    case AlertClass::anomalous_process: return "anomalous_process";
    case AlertClass::agent_tampering: break;
  }
  return "agent_tampering";
}

const char* to_string(AlertStatus status) {
  switch (status) {
    case AlertStatus::acknowledged: return "acknowledged";
    case AlertStatus::false_positive: return "false_positive";
    case AlertStatus::closed: return "closed";
    case AlertStatus::open: break;
  }
  return "open";
}

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::information: return "information";
    case Severity::low: return "low";
    case Severity::medium: return "medium";
    case Severity::high: return "high";
    case Severity::critical: break;
  }
  return "critical";
}

}  // namespace iris::detect
