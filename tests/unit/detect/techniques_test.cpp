// SPDX-License-Identifier: Apache-2.0
#include "detect/techniques.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace iris::detect {
namespace {

constexpr auto kRules = std::to_array<std::string_view>({"horizontal_scan",
                                                         "vertical_scan",
                                                         "inbound_scan",
                                                         "inbound_internet_probes",
                                                         "inbound_external",
                                                         "inbound_site",
                                                         "inbound_container",
                                                         "new_controller_master",
                                                         "new_site_peer",
                                                         "brute_force",
                                                         "anomalous_outbound",
                                                         "odd_port_outbound",
                                                         "failing_new_peer",
                                                         "peer_to_peer",
                                                         "failed_names",
                                                         "beacon",
                                                         "known_risky_outbound",
                                                         "exfiltration",
                                                         "slow_exfiltration",
                                                         "producer_consumer_ratio",
                                                         "flood_participant",
                                                         "flood_victim",
                                                         "service_flood",
                                                         "connection_volume",
                                                         "crash",
                                                         "ungraceful_shutdown",
                                                         "restart_exhaustion",
                                                         "expected_peer_lost",
                                                         "steady_peer_silent",
                                                         "steady_peer_slower",
                                                         "blacklisted_process",
                                                         "anomalous_process",
                                                         "unauthorized_device",
                                                         "agent_killed",
                                                         "agent_silent"});

TEST(Techniques, EveryRuleHasSomeAndAllAreInTheTable) {
  for (const auto rule : kRules) {
    EXPECT_FALSE(techniques_of(rule).empty()) << rule;
    for (const auto id : techniques_of(rule)) EXPECT_NE(find_technique(id), nullptr) << rule << " " << id;
  }
  EXPECT_TRUE(techniques_of("no such rule").empty());
}

TEST(Techniques, NoneIsRevokedOrTwice) {
  std::set<std::string_view> seen;
  for (const auto& technique : techniques()) {
    EXPECT_TRUE(seen.insert(technique.id).second) << technique.id;
    for (const char* revoked : {"T1562", "T0812", "T0855", "T0856", "T0803", "T0804", "T0857"})
      EXPECT_FALSE(technique.id.starts_with(revoked));
  }
}

}  // namespace
}  // namespace iris::detect
