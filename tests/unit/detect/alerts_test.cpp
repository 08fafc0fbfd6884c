// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

/// Some of everything, for replays.
void busy_day(Lab& lab) {
  lab.routine(26);
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  for (int host = 1; host <= 40; ++host) lab.see(Lab::vain(lab.out(fmt::format("10.0.0.{}", host), 22)));
  lab.next();
  lab.owner = module("web", "registry.example/web:2");
  for (std::uint16_t port = 1; port <= 30; ++port) lab.see(Lab::vain(lab.in("10.0.0.66", port)));
  lab.next();
  lab.routine(3);
}

TEST(Alerts, TheSameRecordsGiveTheSameAlerts) {
  std::string first;
  for (int run = 0; run < 3; ++run) {
    Lab lab;
    busy_day(lab);
    const auto now = text(lab.alerts());
    std::string profiles;
    for (const auto& [key, profile] : lab.judge.profiles()) profiles += key + profile->save();
    if (run == 0) first = now + profiles;
    EXPECT_FALSE(now.empty());
    EXPECT_EQ(now + profiles, first);
  }
}

TEST(Alerts, AJudgeWithStoredProfilesGoesOnWhereTheOtherStopped) {
  Lab one;
  one.routine(30);
  Lab other;
  for (const auto& [key, profile] : one.judge.profiles())
    other.judge.set_profile(key, *profile::Profile::load(profile->save()));
  other.now = one.now;
  for (auto* lab : {&one, &other}) {
    lab->see(lab->out("203.0.113.66", 4433));
    lab->next();
  }
  EXPECT_EQ(text(one.alerts()), text(other.alerts()));
}

TEST(Alerts, MergeByWorkloadClassAndHour) {
  Lab lab;
  lab.routine(30);
  for (int i = 0; i < 18; ++i) {  // three hours
    lab.see(lab.out("203.0.113.66", 4433));
    lab.next(590);
  }
  const auto alerts = lab.alerts();
  EXPECT_EQ(alerts.size(), 3u) << text(alerts);
  std::uint64_t all = 0;
  for (const auto& alert : alerts) all += alert.count;
  EXPECT_EQ(all, 18u);
}

TEST(Alerts, TakenAgainOnlyWhenChangedAndUnderTheSameId) {
  Lab lab;
  lab.routine(30);
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  const auto first = lab.alerts();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(lab.alerts().empty());
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  const auto second = lab.alerts();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].id, first[0].id);
  EXPECT_EQ(second[0].count, 2u);
  lab.judge.close(second[0].id);
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  const auto third = lab.alerts();
  ASSERT_EQ(third.size(), 1u);
  EXPECT_NE(third[0].id, first[0].id);
}

TEST(Alerts, AreLessSureWhereRecordsWereLost) {
  Lab lab;
  lab.routine(30);
  flow::Ledger ledger;
  ledger.produced = 100;
  ledger.dropped = {{"queue_full", 40}};
  lab.see(ledger);
  lab.see(lab.out("203.0.113.66", 4433));
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_NEAR(alerts[0].confidence, 0.6, 0.01);
}

TEST(Alerts, AnUntaughtFoldedRecordAccusesNobody) {
  Lab lab;
  lab.routine(30);
  auto record = lab.out("203.0.113.66", 4433);
  record.folded = true;
  record.peer_address = std::nullopt;
  lab.see(record);
  lab.next();
  EXPECT_TRUE(lab.alerts().empty());
}

TEST(Memory, OfManyGatewaysIsBounded) {
  Thresholds limits;
  limits.entities = 500;
  Lab lab(limits);
  for (int gateway = 0; gateway < 3000; ++gateway) {
    lab.gateway = fmt::format("gw{}", gateway);
    flow::Owner owner;
    owner.kind = flow::OwnerKind::service;
    owner.name = "x.service";
    lab.owner = std::make_shared<const flow::Owner>(owner);
    lab.see(lab.out("198.51.100.7", 443));
    lab.next();
  }
  EXPECT_LE(lab.judge.profiles().size(), 500u);
  EXPECT_GE(lab.judge.profiles().size(), 400u) << "no more is forgotten than must be";
}

TEST(Alerts, ModulesThatHadTheSameAddressOneAfterTheOtherAreTwo) {
  Lab lab;
  const auto modbus = module("modbus1");
  const auto opc = module("opc1", "registry.example/opc:1.0");
  const auto from = [&](const flow::OwnerPtr& who, const char* address) {
    auto call = lab.out("203.0.113.66", 6667);  // on the list
    call.owner = who;
    call.local_address = base::IpAddress::parse(address);
    return call;
  };
  const auto works = [&](const flow::OwnerPtr& who, const char* address) {
    auto poll = from(who, address);
    poll.peer_address = base::IpAddress::parse("10.0.0.9");
    poll.scope = flow::Scope::site;
    poll.service_port = 4840;
    lab.see(poll);
  };
  works(modbus, "10.0.0.2");
  lab.next();
  works(opc, "10.0.0.2");  // both were started anew
  works(modbus, "10.0.0.3");
  lab.next();
  lab.see(from(opc, "10.0.0.2"));
  lab.see(from(modbus, "10.0.0.3"));
  lab.next();
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 2U) << text(alerts);
  EXPECT_NE(alerts[0].subject, alerts[1].subject);
}

}  // namespace
}  // namespace iris::detect
