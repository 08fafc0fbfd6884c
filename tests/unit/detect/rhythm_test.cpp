// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

/// A module that polls controllers in every window, and what goes wrong with that.
class PollingLab : public Lab {
 public:
  std::vector<std::string> controllers{"10.0.0.9", "10.0.0.8"};
  double pace = 1;  // of the first controller

  flow::FlowRecord poll(const std::string& controller, double part = 1) const {
    auto record = out(controller, 502);
    record.opened = record.established = record.closed = 0;
    record.active = 1;
    record.originator_packets = static_cast<std::uint64_t>(200 * part);
    record.responder_packets = record.originator_packets;
    record.originator_bytes = record.originator_packets * 12;
    record.responder_bytes = record.originator_packets * 21;
    return record;
  }
  void poll_for(std::uint64_t seconds) {
    for (const auto end = now + seconds * kSecond; now < end;) {
      for (const auto& controller : controllers) see(poll(controller, controller == "10.0.0.9" ? pace : 1));
      next();
    }
  }
  /// The minute's batches of an agent that has nothing to say.
  void quiet_for(std::uint64_t seconds) {
    for (const auto end = now + seconds * kSecond; now < end;) {
      now += 60 * kSecond;
      judge.end_window(gateway, now);
    }
  }
  void learn() {
    see(out("10.0.0.9", 502));
    see(out("10.0.0.8", 502));
    next();
    poll_for(2 * 3600);
    ASSERT_TRUE(alerts().empty());
  }
};

TEST(Rhythm, AControllerThatFallsSilentIsMissedAfterFiveMinutes) {
  PollingLab lab;
  lab.learn();
  lab.controllers = {"10.0.0.8"};
  lab.poll_for(240);
  EXPECT_TRUE(lab.alerts().empty());
  lab.poll_for(3600);
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "steady_peer_silent");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::crash);
  EXPECT_EQ(alerts[0].severity, Severity::medium);
  EXPECT_EQ(alerts[0].peer, "10.0.0.9");
  EXPECT_EQ(alerts[0].count, 1u);
  EXPECT_NE(alerts[0].summary.find("every 10 s, and now nothing for 3"), std::string::npos) << alerts[0].summary;
}

TEST(Rhythm, QuestionsWithoutAnswersAreSilence) {
  PollingLab lab;
  lab.learn();
  lab.controllers = {"10.0.0.8"};
  for (int i = 0; i < 60; ++i) {
    auto record = lab.poll("10.0.0.9");
    record.responder_bytes = record.responder_packets = 0;
    lab.see(record);
    lab.poll_for(10);
  }
  EXPECT_NE(find(lab.alerts(), "steady_peer_silent"), nullptr);
}

TEST(Rhythm, BothEndsOfASilenceAreOneAlert) {
  PollingLab lab;
  const auto module_owner = lab.owner;
  const auto plc = module("plc", "registry.example/plc:1");
  const auto both = [&](bool talk) {
    lab.owner = module_owner;
    if (talk) lab.see(lab.poll("10.0.0.9"));
    lab.see(lab.poll("10.0.0.8"));
    lab.owner = plc;
    if (talk) {
      auto record = lab.poll("10.0.0.2");
      record.role = flow::Role::responder;
      record.local_address = base::IpAddress::parse("10.0.0.9");
      lab.see(record);
    }
    lab.next();
  };
  for (int i = 0; i < 720; ++i) both(true);
  ASSERT_TRUE(lab.alerts().empty());
  for (int i = 0; i < 60; ++i) both(false);
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].subject, "modbus1");
  EXPECT_EQ(alerts[0].affected, std::vector<std::string>{"plc"});
}

TEST(Rhythm, WhereNobodyIsHeardTheGatewayMayBeCutOff) {
  PollingLab lab;
  lab.learn();
  lab.quiet_for(3600);
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "steady_peer_silent");
  EXPECT_EQ(alerts[0].severity, Severity::low);
}

TEST(Rhythm, TimeThatNothingIsKnownOfIsNoSilence) {
  const auto silence_after = [](const std::function<void(PollingLab&)>& meanwhile) {
    PollingLab lab;
    lab.learn();
    lab.controllers = {"10.0.0.8"};
    lab.poll_for(200);
    meanwhile(lab);
    lab.poll_for(200);
    const auto alerts = lab.alerts();
    return find(alerts, "steady_peer_silent") != nullptr;
  };
  EXPECT_TRUE(silence_after([](PollingLab&) {}));
  EXPECT_FALSE(silence_after([](PollingLab& lab) {
    const auto start = lab.now;
    lab.now += 100 * kSecond;
    lab.judge.add(lab.gateway, flow::Gap{start, lab.now, "agent_stopped"});
  }));
  EXPECT_FALSE(silence_after([](PollingLab& lab) { lab.next(800); }));  // no window was ended
  EXPECT_FALSE(silence_after([](PollingLab& lab) {
    auto record = lab.poll("10.0.0.9");
    record.peer_address.reset();
    record.folded = true;
    lab.see(record);
  }));
  EXPECT_FALSE(silence_after([](PollingLab& lab) {
    flow::Ledger ledger;
    ledger.produced = 100;
    ledger.dropped["ring_full"] = 50;
    lab.see(ledger);
  }));
}

TEST(Rhythm, AModuleThatWasStoppedMissesNobodyAndNobodyMissesIt) {
  PollingLab lab;
  const auto hub = module("edgeHub", "mcr.example/edgehub:1.4");
  const auto from = lab.owner;
  const auto window = [&](bool talk) {
    lab.owner = from;
    if (talk) lab.see(lab.poll("10.0.0.9"));
    lab.owner = hub;
    if (talk) {
      auto record = lab.poll("172.18.0.3");
      record.role = flow::Role::responder;
      record.scope = flow::Scope::container;
      record.peer_owner = from;
      lab.see(record);
    }
    lab.see(lab.poll("10.0.0.8"));
    lab.next();
  };
  for (int i = 0; i < 720; ++i) window(true);
  flow::ExitRecord exit;
  exit.owner = from;
  exit.wall_ns = lab.now;
  exit.main_process = true;
  lab.see(exit);
  for (int i = 0; i < 120; ++i) window(false);
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Rhythm, WhoPausesOftenIsNotMissed) {
  PollingLab lab;
  for (int i = 0; i < 40; ++i) {
    lab.controllers = {"10.0.0.9", "10.0.0.8"};
    lab.poll_for(600);
    lab.controllers = {"10.0.0.8"};
    lab.poll_for(i % 3 == 2 ? 900 : 60);
  }
  lab.poll_for(1800);
  const auto alerts = lab.alerts();
  // The first two long pauses are news, the rest a habit.
  EXPECT_LE(alerts.size(), 2u) << text(alerts);
  for (const auto& alert : alerts) EXPECT_LT(alert.last_wall_ns, kStart + 4 * kHour);
}

TEST(Rhythm, ASlowerPaceOfTheSameQuestionsIsSeenInHalfAMinute) {
  PollingLab lab;
  lab.learn();
  lab.pace = 0.8;
  lab.poll_for(30);
  EXPECT_TRUE(lab.alerts().empty());
  lab.poll_for(10);  // a window is full only when another follows
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].rule, "steady_peer_slower");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::crash);
  EXPECT_EQ(alerts[0].peer, "10.0.0.9");
}

TEST(Rhythm, ANewPaceIsLearned) {
  PollingLab lab;
  lab.learn();
  lab.pace = 0.5;
  lab.poll_for(7200);
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_LT(alerts[0].last_wall_ns, kStart + 3 * kHour);
  lab.pace = 0.4;  // and is then what the next is measured by
  lab.poll_for(100);
  EXPECT_NE(find(lab.alerts(), "steady_peer_slower"), nullptr);
}

TEST(Rhythm, OtherQuestionsOrAShortBreakAreNoSlowerPace) {
  PollingLab lab;
  lab.learn();
  for (int i = 0; i < 30; ++i) {  // fewer, but of another kind
    auto record = lab.poll("10.0.0.9", 0.5);
    record.originator_bytes = record.originator_packets * 15;
    lab.see(record);
    lab.see(lab.poll("10.0.0.8"));
    lab.next();
  }
  lab.poll_for(600);
  for (const double part : {0.6, 0.7, 1.0, 1.0}) {  // a connection made anew
    lab.see(lab.poll("10.0.0.9", part));
    lab.see(lab.poll("10.0.0.8"));
    lab.next();
  }
  lab.poll_for(600);
  for (const double part : {0.5, 0.0, 0.5, 0.8, 1.0, 1.0}) {  // down for some seconds: what is around it is not full
    if (part > 0) lab.see(lab.poll("10.0.0.9", part));
    lab.see(lab.poll("10.0.0.8"));
    lab.next();
  }
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Rhythm, WhatTheAgentMissedIsNoHabitOfThePeer) {
  PollingLab lab;
  lab.learn();
  for (int i = 0; i < 3; ++i) {
    const auto start = lab.now;
    lab.now += 600 * kSecond;
    lab.judge.add(lab.gateway, flow::Gap{start, lab.now, "agent_stopped"});
    lab.poll_for(1800);
  }
  for (int i = 0; i < 60; ++i) {  // and then nothing is lost
    flow::Ledger ledger;
    ledger.produced = ledger.delivered = 100;
    lab.see(ledger);
    lab.poll_for(10);
  }
  lab.controllers = {"10.0.0.8"};
  lab.poll_for(400);
  EXPECT_NE(find(lab.alerts(), "steady_peer_silent"), nullptr);
}

TEST(Rhythm, WhoNoLongerAsksForNamesIsNotMissed) {
  PollingLab lab;
  const auto window = [&](bool ask) {
    auto record = lab.in("10.0.0.30", 53);
    record.protocol = 17;
    if (ask) lab.see(record);
    lab.poll_for(10);
  };
  for (int i = 0; i < 720; ++i) window(true);
  for (int i = 0; i < 120; ++i) window(false);
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Rhythm, IsSavedAndLoaded) {
  PollingLab lab;
  lab.learn();
  lab.pace = 0.8;
  lab.poll_for(20);  // in the middle of becoming slower
  Judge other;
  for (const auto& state : lab.judge.save_changed()) ASSERT_TRUE(other.load(state));
  std::size_t silences = 0;
  for (int i = 0; i < 120; ++i) {
    for (Judge* judge : {&lab.judge, &other}) {
      if (i < 20) judge->add(lab.gateway, lab.poll("10.0.0.9", 0.8));
      judge->add(lab.gateway, lab.poll("10.0.0.8"));
      judge->end_window(lab.gateway, lab.now + 10 * kSecond);
    }
    lab.now += 10 * kSecond;
    const auto expected = lab.alerts();
    ASSERT_EQ(text(expected), text(other.take_alerts())) << i;
    if (i < 20) EXPECT_EQ(expected.size(), i >= 1 ? 1U : 0U) << i;
    if (i >= 20) silences += expected.size();
  }
  EXPECT_EQ(silences, 1U);
  Judge third;  // the silence has been said, and goes on
  for (const auto& state : other.save_changed()) ASSERT_TRUE(third.load(state));
  for (int i = 0; i < 40; ++i) {
    third.add(lab.gateway, lab.poll("10.0.0.8"));
    lab.now += 10 * kSecond;
    third.end_window(lab.gateway, lab.now);
  }
  EXPECT_TRUE(third.take_alerts().empty());
}

TEST(Rhythm, OneForEachPeerAndNoMore) {
  PollingLab lab;
  lab.controllers.clear();
  for (int i = 0; i < 60; ++i) lab.controllers.push_back(fmt::format("10.0.1.{}", i));
  for (const auto& controller : lab.controllers) lab.see(lab.out(controller, 502));
  lab.next();
  lab.poll_for(7200);
  lab.controllers = {"10.0.1.0"};
  lab.alerts();
  lab.poll_for(900);
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "steady_peer_silent");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_LT(alert->count, 16u);
  EXPECT_GT(alert->count, 8u);
}

}  // namespace
}  // namespace iris::detect
