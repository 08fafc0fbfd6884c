// SPDX-License-Identifier: Apache-2.0
#include "detect/techniques.h"

#include <array>

namespace iris::detect {
namespace {

constexpr auto kTechniques = std::to_array<Technique>({
    {"T1190", "Exploit Public-Facing Application", false, "Initial Access"},
    {"T0819", "Exploit Public-Facing Application", true, "Initial Access"},
    {"T1133", "External Remote Services", false, "Initial Access"},
    {"T0883", "Internet Accessible Device", true, "Initial Access"},
    {"T1110", "Brute Force", false, "Credential Access"},
    {"T1078", "Valid Accounts", false, "Initial Access"},
    {"T0859", "Valid Accounts", true, "Lateral Movement"},
    {"T1046", "Network Service Discovery", false, "Discovery"},
    {"T1018", "Remote System Discovery", false, "Discovery"},
    {"T0846", "Remote System Discovery", true, "Discovery"},
    {"T0846.001", "Remote System Discovery: Port Scan", true, "Discovery"},
    {"T1021", "Remote Services", false, "Lateral Movement"},
    {"T0886", "Remote Services", true, "Lateral Movement"},
    {"T0848", "Rogue Master", true, "Initial Access"},
    {"T1071", "Application Layer Protocol", false, "Command and Control"},
    {"T0869", "Standard Application Layer Protocol", true, "Command and Control"},
    {"T1571", "Non-Standard Port", false, "Command and Control"},
    {"T1008", "Fallback Channels", false, "Command and Control"},
    {"T1568.002", "Dynamic Resolution: Domain Generation Algorithms", false, "Command and Control"},
    {"T1048", "Exfiltration Over Alternative Protocol", false, "Exfiltration"},
    {"T1030", "Data Transfer Size Limits", false, "Exfiltration"},
    {"T0882", "Theft of Operational Information", true, "Impact"},
    {"T1498", "Network Denial of Service", false, "Impact"},
    {"T0814", "Denial of Service", true, "Inhibit Response Function"},
    {"T1499.002", "Endpoint Denial of Service: Service Exhaustion Flood", false, "Impact"},
    {"T1499.004", "Endpoint Denial of Service: Application or System Exploitation", false, "Impact"},
    {"T1489", "Service Stop", false, "Impact"},
    {"T0881", "Service Stop", true, "Inhibit Response Function"},
    {"T0826", "Loss of Availability", true, "Impact"},
    {"T0829", "Loss of View", true, "Impact"},
    {"T1219", "Remote Access Tools", false, "Command and Control"},
    {"T1059.004", "Command and Scripting Interpreter: Unix Shell", false, "Execution"},
    {"T1609", "Container Administration Command", false, "Execution"},
    {"T1685", "Disable or Modify Tools", false, "Defense Impairment"},
    {"T0878", "Alarm Suppression", true, "Inhibit Response Function"},
});

constexpr std::size_t kMost = 3;
struct RuleTechniques {
  std::string_view rule;
  std::array<std::string_view, kMost> ids;
};

constexpr auto kByRule = std::to_array<RuleTechniques>({
    {"horizontal_scan", {"T1018", "T1046", "T0846"}},
    {"vertical_scan", {"T1046", "T0846.001"}},
    {"inbound_scan", {"T1046", "T0846.001"}},
    {"inbound_internet_probes", {"T1190", "T0883", "T0819"}},
    {"inbound_external", {"T1133", "T0883"}},
    {"inbound_site", {"T1021", "T0886"}},
    {"inbound_container", {"T1021", "T0886"}},
    {"new_controller_master", {"T0848", "T0886", "T1021"}},
    {"new_site_peer", {"T1021", "T0886"}},
    {"brute_force", {"T1110", "T1021", "T0886"}},
    {"anomalous_outbound", {"T1071", "T0869"}},
    {"odd_port_outbound", {"T1571", "T1071", "T0869"}},
    {"failing_new_peer", {"T1008", "T1571", "T0869"}},
    {"failed_names", {"T1568.002"}},
    {"peer_to_peer", {"T1008", "T1571"}},
    {"beacon", {"T1071", "T1571", "T0869"}},
    {"known_risky_outbound", {"T1219", "T1571"}},
    {"exfiltration", {"T1048", "T0882"}},
    {"slow_exfiltration", {"T1030", "T1048", "T0882"}},
    {"producer_consumer_ratio", {"T1048", "T0882"}},
    {"flood_participant", {"T1498", "T0814"}},
    {"flood_victim", {"T1498", "T0814"}},
    {"service_flood", {"T1499.002", "T0814"}},
    {"connection_volume", {"T1499.002", "T0814"}},
    {"crash", {"T1499.004", "T0814", "T0826"}},
    {"ungraceful_shutdown", {"T1489", "T0881", "T0826"}},
    {"restart_exhaustion", {"T0826"}},
    {"expected_peer_lost", {"T0826"}},
    {"steady_peer_silent", {"T0826", "T0829"}},
    {"steady_peer_slower", {"T0826", "T0814"}},
    {"blacklisted_process", {"T1059.004", "T1609"}},
    {"anomalous_process", {"T1059.004", "T1609"}},
    {"unauthorized_device", {"T1078", "T0859", "T1110"}},
    {"agent_killed", {"T1685", "T1489", "T0878"}},
    {"agent_silent", {"T1685", "T0878"}},
});

}  // namespace

std::span<const Technique> techniques() { return kTechniques; }

const Technique* find_technique(std::string_view id) {
  for (const auto& technique : kTechniques)
    if (technique.id == id) return &technique;
  return nullptr;
}

std::span<const std::string_view> techniques_of(std::string_view rule) {
  for (const auto& entry : kByRule) {
    if (entry.rule != rule) continue;
    std::size_t count = 0;
    while (count < kMost && !entry.ids[count].empty()) ++count;
    return {entry.ids.data(), count};
  }
  return {};
}

}  // namespace iris::detect
