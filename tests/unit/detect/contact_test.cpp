// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

TEST(Contact, RoutineIsSilent) {
  Lab lab;
  lab.routine(24 * 10);
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Contact, LowAndSlowIsFoundInTheWindowOfItsFirstFlow) {
  Lab lab;
  lab.routine(30);
  lab.see(lab.out("203.0.113.66", 4433));  // 16 flows a day begin with one
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].alert_class, AlertClass::command_and_control);
  EXPECT_EQ(alerts[0].peer, "203.0.113.66");
  EXPECT_NE(alerts[0].summary.find("no DNS name"), std::string::npos) << alerts[0].summary;
  EXPECT_FALSE(alerts[0].attack_techniques.empty());
}

TEST(Contact, NewNameAtAKnownServiceIsNoAlert) {
  Lab lab;
  lab.routine(30);
  lab.see(lab.out("203.0.113.66", 8883, "other.example.net"));
  lab.see(lab.out("203.0.113.67", 8883, "eu.mqtt.example.org"));  // the same owner, moved
  lab.next();
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Contact, WhileLearningOnlyWhatNeedsNoBaselineSpeaks) {
  Lab lab;
  lab.routine(0.3);
  lab.see(lab.out("203.0.113.66", 443));
  lab.next();
  EXPECT_TRUE(lab.alerts().empty());
  for (int i = 0; i < 12; ++i) {
    lab.see(Lab::vain(lab.out("203.0.113.99", 4567)));
    lab.see(lab.out("198.51.100.7", 8883, "mqtt.example.org"));
    lab.next(static_cast<std::uint64_t>(i % 3 == 0 ? 200 : 20));
  }
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "failing_new_peer");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_EQ(alert->alert_class, AlertClass::command_and_control);
}

TEST(Contact, FailuresOfTheWholeNetworkAccuseNobody) {
  Lab lab;
  lab.routine(30);
  lab.next(7200);  // the uplink is down
  for (int i = 0; i < 200; ++i) {
    lab.see(Lab::vain(lab.out("203.0.113.99", 443)));
    lab.next(20);
  }
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Contact, BeaconWithJitterIsNamedOne) {
  Lab lab;
  lab.routine(30);
  for (int i = 0; i < 20; ++i) {
    lab.see(lab.out("203.0.113.66", 4433));
    lab.next(static_cast<std::uint64_t>(40 + (i * 7) % 13));
  }
  EXPECT_NE(find(lab.alerts(), "beacon"), nullptr);
}

TEST(Contact, TheAccusedIsNotLearnedHoweverLongItStays) {
  Lab lab;
  lab.routine(30);
  for (int hour = 0; hour < 24 * 8; ++hour) {
    lab.see(lab.out("203.0.113.66", 4433));
    lab.next();
    lab.routine(1);
  }
  lab.alerts();
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  EXPECT_EQ(lab.alerts().size(), 1u);
}

TEST(Contact, AVerdictTeaches) {
  Lab lab;
  lab.routine(30);
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  lab.judge.verdict(alerts[0], true);
  lab.routine(2);
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  EXPECT_TRUE(lab.alerts().empty());
}

TEST(Contact, ASecondMasterOfAControllerIsNews) {
  Lab lab;
  lab.owner = module("plc", "registry.example/plc:1");
  for (int i = 0; i < 200; ++i) {
    lab.see(lab.in("10.0.0.20", 502));
    lab.next();
  }
  lab.see(lab.in("10.0.0.66", 502));
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "new_controller_master");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::lateral_movement);
}

TEST(Contact, EdgeHubProbingAModbusSlave) {
  Lab lab;
  lab.owner = module("edgeHub", "mcr.example/edgehub:1.4");
  for (int i = 0; i < 400; ++i) {
    lab.see(lab.out("198.51.100.7", 8883, "hub.example.org"));
    lab.next(290);
  }
  lab.see(lab.out("10.0.0.9", 502));
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].alert_class, AlertClass::lateral_movement);
}

TEST(Contact, InboundFromTheInternetThatGetsAnAnswer) {
  Lab lab;
  lab.routine(30);
  lab.see(lab.in("203.0.113.66", 22));
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "inbound_external");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::initial_infection);
}

TEST(Contact, InboundFromAnotherContainer) {
  Lab lab;
  lab.routine(30);
  auto record = lab.in("172.17.0.9", 22);
  record.scope = flow::Scope::container;
  record.peer_owner = module("intruder", "registry.example/x:1");
  lab.see(record);
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "inbound_container");
}

TEST(Contact, PasswordsBeingGuessed) {
  Lab lab;
  auto record = lab.in("10.0.0.66", 22);
  record.opened = record.established = record.closed = 20;
  lab.see(record);
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_NE(find(alerts, "brute_force"), nullptr);
  EXPECT_EQ(find(alerts, "brute_force")->alert_class, AlertClass::initial_infection);
}

TEST(Contact, AKnownNeighbourThatFallsSilentIsALossOfAvailability) {
  Lab lab;
  lab.routine(30);
  for (int i = 0; i < 30; ++i) {
    lab.see(Lab::vain(lab.out("10.0.0.9", 502)));
    lab.see(lab.out("10.0.0.8", 502));  // its neighbour still answers
    lab.next(20);
  }
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "expected_peer_lost");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_EQ(alert->alert_class, AlertClass::crash);
}

TEST(Contact, AServiceOfTheHostThatIsDownIsNoNeighbour) {
  Lab lab;
  lab.see(lab.out("127.0.0.1", 8080));
  lab.next();
  auto down = Lab::vain(lab.out("127.0.0.1", 5099), 30);
  down.scope = flow::Scope::loopback;
  lab.see(down);
  lab.next();
  EXPECT_TRUE(lab.alerts().empty());
}

TEST(Contact, AListedAddressIsToldHoweverWellItsNetworkIsKnown) {
  Lab lab;
  lab.routine(30);  // with 198.51.100.7 every five minutes
  lab.alerts();
  lab.judge.set_risky_list(*RiskyList::parse("address 198.51.100.7 high botnet server\nname example.net low odd\n"));
  lab.routine(0.1);
  const auto alerts = lab.alerts();
  ASSERT_NE(find(alerts, "known_risky_outbound"), nullptr) << text(alerts);
  lab.judge.set_risky_list(*RiskyList::parse("port tcp 8883 any high as good as any\n"));
  lab.next(7200);
  lab.routine(0.1);
  EXPECT_EQ(find(lab.alerts(), "known_risky_outbound"), nullptr) << "a port alone says nothing of a known peer";
}

TEST(Contact, KnownRiskyPeerFromTheFirstMinute) {
  Lab lab;
  lab.see(lab.out("203.0.113.66", 23));
  lab.next();
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "known_risky_outbound");
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(alert->alert_class, AlertClass::known_risky);
  EXPECT_EQ(alert->severity, Severity::high);
}

TEST(Contact, ADeviceBehindTheGatewayHasItsOwnProfile) {
  Lab lab;
  for (int i = 0; i < 10; ++i) {
    auto record = lab.out("10.0.0.9", 502);
    record.peer_device = "gw1/modbus1/meter-1";
    lab.see(record);
    lab.next();
  }
  const auto profiles = lab.judge.profiles();
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_EQ(profiles[0].first, "gw1/device/gw1/modbus1/meter-1");
  EXPECT_EQ(profiles[1].first, "image/registry.example/modbus");
  EXPECT_EQ(profiles[0].second->contacts().all().front().role, flow::Role::responder);
}

/// Weeks of a module that works from 8 to 16 h on Mondays to Fridays, then a stranger at `hour` of a day.
std::vector<Alert> stranger_at(int weeks, int day, int hour, int skip_every = 0) {
  constexpr std::uint64_t kDay = 24 * kHour;
  constexpr std::uint64_t kMonday = kStart + 4 * kDay;  // kStart is a Thursday
  Lab lab;
  int days = 0;
  for (int week = 0; week < weeks; ++week)
    for (int weekday = 0; weekday < 5; ++weekday) {
      if (skip_every != 0 && ++days % skip_every != 0) continue;
      lab.now = kMonday + static_cast<std::uint64_t>(week * 7 + weekday) * kDay + 8 * kHour;
      lab.routine(8);
    }
  lab.alerts();
  lab.now = kMonday + static_cast<std::uint64_t>(weeks * 7 + day) * kDay + static_cast<std::uint64_t>(hour) * kHour;
  lab.see(lab.out("10.0.0.9", 502));
  lab.next();
  lab.see(lab.out("203.0.113.66", 8883));
  lab.next();
  auto alerts = lab.alerts();
  std::erase_if(alerts, [](const Alert& alert) { return alert.rule == "agent_silent"; });
  return alerts;
}

TEST(Contact, AnHourThatTheWorkloadNeverKeptAddsToWhatIsStrangeAnyway) {
  EXPECT_TRUE(stranger_at(3, 0, 10).empty());
  const auto alerts = stranger_at(3, 0, 3);
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_NE(alerts[0].summary.find("hour of the week"), std::string::npos) << alerts[0].summary;
  EXPECT_TRUE(stranger_at(3, 0, 7).empty()) << "clocks change in summer";
  EXPECT_TRUE(stranger_at(1, 0, 3).empty()) << "one week is no habit";
  EXPECT_TRUE(stranger_at(6, 0, 3, 3).empty()) << "who comes and goes keeps no hours";
}

flow::DeviceRecord configured(const std::string& id, const std::string& module_id, std::uint16_t port) {
  flow::DeviceRecord record;
  record.device.id = id;
  record.device.kind = flow::DeviceKind::manufactured;
  record.device.module_id = module_id;
  record.device.addresses = {{base::IpAddress::parse("10.0.0.10"), port, 6, {}}};
  return record;
}

/// Tries the second slave for two hours in vain, while the first answers.
std::vector<Alert> with_slave_off(Lab& lab, std::uint16_t port) {
  for (int i = 0; i < 48; ++i) {
    auto off = Lab::vain(lab.out("10.0.0.10", port));
    off.peer_device = "gw1/modbus1/meter-2";
    lab.see(off);
    lab.see(lab.out("10.0.0.9", 502));
    lab.next(140);
  }
  return lab.alerts();
}

TEST(Contact, ADeviceOfItsOwnConfigurationThatIsOffIsNoIntrudersDoing) {
  Lab lab;
  lab.see(configured("gw1/modbus1/meter-2", "modbus1", 502));
  lab.routine(30);
  const auto alerts = with_slave_off(lab, 502);
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Contact, ButAnotherPortOfItOrAnotherModuleIs) {
  Lab port;
  port.see(configured("gw1/modbus1/meter-2", "modbus1", 502));
  port.routine(30);
  EXPECT_FALSE(with_slave_off(port, 22).empty());

  Lab module;
  module.see(configured("gw1/modbus1/meter-2", "opc1", 502));
  module.routine(30);
  EXPECT_FALSE(with_slave_off(module, 502).empty());

  Lab taken_back;
  taken_back.see(configured("gw1/modbus1/meter-2", "modbus1", 502));
  auto gone = configured("gw1/modbus1/meter-2", "modbus1", 502);
  gone.change = flow::DeviceRecord::Change::removed;
  taken_back.see(gone);
  taken_back.routine(30);
  EXPECT_FALSE(with_slave_off(taken_back, 502).empty());
}

}  // namespace
}  // namespace iris::detect
