// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

TEST(Scan, OfTheLanIsOneAlertFromTheFirstMinute) {
  Lab lab;
  for (int host = 1; host <= 60; ++host) {
    lab.see(Lab::vain(lab.out(fmt::format("10.0.0.{}", host), 22)));
    if (host % 10 == 0) lab.next();
  }
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "horizontal_scan");
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(alert->alert_class, AlertClass::lateral_movement);
  EXPECT_GE(alert->severity, Severity::medium);
  EXPECT_LE(alert->wall_ns, kStart + 60 * kSecond);
  EXPECT_EQ(std::count_if(alerts.begin(), alerts.end(),
                          [](const Alert& a) { return a.alert_class == AlertClass::lateral_movement; }),
            1);
  EXPECT_LE(alert->evidence.size(), Thresholds{}.evidence);
  EXPECT_FALSE(alert->evidence.empty());
  EXPECT_NE(alert->summary.find("modbus1"), std::string::npos);
}

TEST(Scan, OfPortsOfOneHost) {
  Lab lab;
  for (std::uint16_t port = 20; port < 60; ++port) lab.see(Lab::vain(lab.out("10.0.0.9", port)));
  lab.next();
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "vertical_scan");
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(alert->peer, "10.0.0.9");
  EXPECT_GT(*alert->observed, alert->expected->high - 1);
}

TEST(Scan, SlowOneIsFoundWithinTheHour) {
  Lab lab;
  for (int host = 1; host <= 40; ++host) {
    lab.see(Lab::vain(lab.out(fmt::format("10.0.0.{}", host), 445)));
    lab.next(80);
  }
  EXPECT_NE(find(lab.alerts(), "horizontal_scan"), nullptr);
}

TEST(Scan, AnsweredRoundsAreNone) {
  Lab lab;
  for (int round = 0; round < 50; ++round) {
    for (int host = 1; host <= 15; ++host)
      lab.see(lab.out(fmt::format("10.0.0.{}", host), 502));  // a master with 15 slaves
    lab.next(50);
  }
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Scan, WhoIsCutOffAndTriesItsCloudIsNone) {
  Lab lab;
  for (int i = 0; i < 40; ++i) {
    lab.see(Lab::vain(lab.out(fmt::format("198.51.100.{}", i + 1), 443)));
    lab.next(60);
  }
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Scan, SuffersAndSourceBothNamedInOneAlert) {
  Lab lab;
  for (const char* victim : {"edgeHub", "modbus1", "web"}) {
    lab.owner = module(victim, fmt::format("registry.example/{}:1", victim));
    for (std::uint16_t port = 1; port <= 30; ++port) lab.see(Lab::vain(lab.in("10.0.0.66", port)));
  }
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "inbound_scan");
  EXPECT_EQ(alerts[0].peer, "10.0.0.66");
  EXPECT_EQ(alerts[0].affected.size(), 2u);
}

TEST(Scan, StrangersFromTheInternetAreOneInitialInfection) {
  Lab lab;
  for (int i = 0; i < 60; ++i) {
    lab.see(Lab::vain(lab.in(fmt::format("198.51.{}.{}", i, 7), static_cast<std::uint16_t>(1000 + i))));
    lab.next(20);
  }
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "inbound_internet_probes");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::initial_infection);
}

TEST(Scan, NamesMadeUpByAnAlgorithm) {
  Lab lab;
  flow::DnsRecord answer;
  answer.owner = lab.owner;
  answer.wall_ns = lab.now;
  answer.response_code = 3;
  for (int i = 0; i < 100; ++i) {  // one domain, however often, is a fault
    answer.question_name = fmt::format("host{}.gone.example.org", i);
    lab.see(answer);
  }
  EXPECT_TRUE(lab.alerts().empty());
  for (int i = 0; i < 40; ++i) {
    answer.question_name = fmt::format("x{}q.example{}.net", i, i);
    lab.see(answer);
  }
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].rule, "failed_names");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::command_and_control);
}

TEST(Scan, BotsWithoutAServer) {
  Lab lab;
  for (int i = 0; i < 40; ++i) {
    auto record = Lab::vain(lab.out(fmt::format("198.51.{}.9", i), static_cast<std::uint16_t>(10'000 + 37 * i)));
    record.protocol = 17;
    record.failed = {};
    lab.see(record);
    if (i % 5 == 0) lab.see(lab.out("198.51.100.7", 8883, "mqtt.example.org"));
    lab.next(30);
  }
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "peer_to_peer");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_EQ(alert->alert_class, AlertClass::command_and_control);
}

TEST(Scan, HalfOpenConnectionsShowEvenWithoutPortsAndOfAKnownPeer) {
  Lab lab;
  lab.see(lab.out("10.0.0.9", 0));
  lab.next();
  auto record = lab.out("10.0.0.9", 0);
  record.opened = record.established = record.closed = 0;
  record.originator_bytes = record.responder_bytes = 0;
  record.originator_packets = record.responder_packets = 500;
  lab.see(record);
  lab.next();
  EXPECT_NE(find(lab.alerts(), "vertical_scan"), nullptr);
}

}  // namespace
}  // namespace iris::detect
