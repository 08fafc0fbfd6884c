// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "observations.h"

namespace iris::profile {
namespace {

using namespace testing;

TEST(Learning, EndsByEvidenceWithinADay) {
  Profile profile;
  EXPECT_EQ(profile.maturity(), Maturity::learning);
  EXPECT_DOUBLE_EQ(profile.novelty_bound(), 1.0);
  teach_routine(profile, 0.1);
  EXPECT_EQ(profile.maturity(), Maturity::learning) << "14 visits prove nothing";
  Profile day;
  teach_routine(day, 1.1);
  EXPECT_EQ(day.maturity(), Maturity::useful);
  EXPECT_DOUBLE_EQ(day.novelty(), 0.0);
  EXPECT_LT(day.novelty_bound(), 0.03);
  Profile week;
  teach_routine(week, 7.1);
  EXPECT_EQ(week.maturity(), Maturity::full);
}

/// Reports to edgeHub every minute, and to nobody else.
std::uint64_t teach_reports(Profile& profile, double hours) {
  std::uint64_t time = kStart;
  for (; time < kStart + static_cast<std::uint64_t>(hours * static_cast<double>(kHour)); time += 60 * kSecond)
    profile.learn(observe(to_module(time, "$edgeHub")), Lesson::normal);
  return time;
}

TEST(Learning, AModuleThatOnlyReportsToEdgeHubIsKnownByThatAfterADay) {
  Profile profile;
  auto time = teach_reports(profile, 24);
  EXPECT_EQ(profile.maturity(), Maturity::useful);
  profile.learn_process("/app", kStart, Lesson::normal);
  EXPECT_TRUE(profile.unusual_process("/tmp/update"));
  // A stranger's own visits do not make it forget that.
  for (int i = 0; i < 10; ++i, time += 20 * kSecond) {
    const auto known = profile.assess(observe(outbound(time, "203.0.113.77", 443)));
    EXPECT_GT(known.confidence, 0.9) << i;
    profile.learn(observe(outbound(time, "203.0.113.77", 443)), Lesson::normal);
  }
  Profile hours;
  teach_reports(hours, 12);
  EXPECT_EQ(hours.maturity(), Maturity::learning) << "it may have a daily errand";
}

TEST(Learning, NeighboursDoNotSpeakForAWorkloadThatMeetsStrangers) {
  Profile profile;
  auto time = teach_reports(profile, 10);
  for (std::uint64_t i = 0; i < 5; ++i)
    profile.learn(observe(outbound(time, fmt::format("203.{}.113.7", i), 443)), Lesson::normal);
  for (std::uint64_t i = 0; i < 1200; ++i, time += 60 * kSecond)
    profile.learn(observe(to_module(time, "$edgeHub")), Lesson::normal);
  EXPECT_EQ(profile.maturity(), Maturity::learning) << "who met five strangers will meet a sixth";
}

TEST(Learning, TheBoundShrinksAsVisitsAddUp) {
  Profile profile;
  double before = 1.1;
  std::uint64_t time = kStart;
  for (int half_day = 0; half_day < 6; ++half_day) {
    time = teach_routine(profile, 0.5, time);
    EXPECT_LT(profile.novelty_bound(), before);
    before = profile.novelty_bound();
  }
}

TEST(Learning, AGeneralPurposeHostIsNotLearnable) {
  Profile profile;
  for (std::uint64_t i = 0; i < 600; ++i)
    profile.learn(observe(outbound(kStart + i * 300 * kSecond, "198.51.100.7", 443,
                                   fmt::format("site{}.example{}.org", i, i / 2))),
                  Lesson::normal);
  EXPECT_EQ(profile.maturity(), Maturity::not_learnable);
}

TEST(Learning, KnowsAMovedCloudByItsName) {
  Profile profile;
  const auto time = teach_routine(profile, 1.5);
  EXPECT_TRUE(profile.assess(observe(outbound(time, "203.0.113.77", 8883, "other.example.org"))).learned);
  const auto stranger = profile.assess(observe(outbound(time, "203.0.113.77", 8883, "evil.example.net")));
  EXPECT_FALSE(stranger.learned);
  EXPECT_TRUE(stranger.service_known);
  EXPECT_GT(stranger.service_confidence, 0.7);
}

TEST(Learning, FailuresAndSuspicionTeachNothing) {
  Profile profile;
  for (std::uint64_t i = 0; i < 100; ++i) {
    profile.learn(observe(in_vain(outbound(kStart + i * 60 * kSecond, "203.0.113.1", 50))), Lesson::normal);
    profile.learn(observe(outbound(kStart + i * 60 * kSecond, "203.0.113.2", 51)),
                  i == 0 ? Lesson::suspicious : Lesson::normal);
  }
  EXPECT_FALSE(profile.assess(observe(outbound(kStart, "203.0.113.1", 50))).learned);
  EXPECT_FALSE(profile.assess(observe(outbound(kStart, "203.0.113.2", 51))).learned);
  EXPECT_TRUE(profile.assess(observe(outbound(kStart, "203.0.113.2", 51))).quarantined);
}

TEST(Learning, WhatMostlyFailsIsNoHabitEvenIfItGetsThroughOnce) {
  Profile profile;
  for (std::uint64_t i = 0; i < 9; ++i)
    profile.learn(observe(in_vain(outbound(kStart + i * 30 * kSecond, "203.0.113.1", 443))), Lesson::normal);
  profile.learn(observe(outbound(kStart + 600 * kSecond, "203.0.113.1", 443)), Lesson::normal);
  EXPECT_FALSE(profile.assess(observe(outbound(kStart, "203.0.113.1", 443))).learned);
}

TEST(Learning, PatiencePoisonsAtMostEightContactsADay) {
  Profile profile;
  auto time = teach_routine(profile, 8);
  const std::uint64_t poisoning = time;
  for (int hour = 0; hour < 20; ++hour, time += kHour)
    for (std::uint16_t port = 7000; port < 7040; ++port)
      profile.learn(observe(outbound(time, "203.0.113.1", port)), Lesson::normal);
  int learned = 0;
  for (std::uint16_t port = 7000; port < 7040; ++port)
    learned += profile.assess(observe(outbound(time, "203.0.113.1", port))).learned;
  const auto days = static_cast<int>(time / kDay - poisoning / kDay) + 1;
  EXPECT_LE(learned, 8 * days);
  EXPECT_GT(learned, 0) << "honest drift is learned, too";
}

TEST(Learning, OneBurstDoesNotLiftTheBar) {
  Profile profile;
  auto time = teach_routine(profile, 2);
  const auto key = service_key(observe(outbound(time, "198.51.100.7", 8883, "mqtt.example.org")));
  const auto before = profile.services().find(key)->max_packets;
  auto burst = outbound(time, "198.51.100.7", 8883, "mqtt.example.org");
  burst.originator_packets = 1'000'000;
  profile.learn(observe(burst), Lesson::normal);
  EXPECT_LE(profile.services().find(key)->max_packets, before * 6);
}

TEST(Learning, ANewVersionOpensAShortRelearning) {
  Profile profile;
  auto time = teach_routine(profile, 8);
  ASSERT_EQ(profile.maturity(), Maturity::full);
  profile.relearn(time);
  EXPECT_EQ(profile.maturity(), Maturity::learning);
  EXPECT_TRUE(profile.assess(observe(outbound(time, "10.0.0.9", 502))).learned) << "what was normal stays so";
  profile.learn(observe(outbound(time, "203.0.113.5", 443, "telemetry.example.net")), Lesson::normal);
  EXPECT_TRUE(profile.assess(observe(outbound(time, "203.0.113.5", 443, "telemetry.example.net"))).learned);
  teach_routine(profile, 1.2, time);
  EXPECT_EQ(profile.maturity(), Maturity::useful);
}

TEST(Learning, VerdictsTeach) {
  Profile profile;
  const auto time = teach_routine(profile, 2);
  const auto seen = observe(outbound(time, "203.0.113.5", 4433));
  profile.learn(seen, Lesson::suspicious);
  ASSERT_TRUE(profile.assess(seen).quarantined);
  profile.verdict(contact_key(seen.peer, service_key(seen)), true);
  EXPECT_TRUE(profile.assess(seen).learned);
  profile.verdict(contact_key(seen.peer, service_key(seen)), false);
  EXPECT_FALSE(profile.assess(seen).learned);
}

TEST(Learning, ProcessesBecomeKnown) {
  Profile profile;
  const auto time = teach_routine(profile, 2);
  profile.learn_process("/usr/bin/modbusd", time, Lesson::normal);
  EXPECT_FALSE(profile.unusual_process("/usr/bin/modbusd"));
  EXPECT_TRUE(profile.unusual_process("/bin/sh"));
  profile.learn_process("/bin/sh", time, Lesson::suspicious);
  EXPECT_TRUE(profile.unusual_process("/bin/sh"));
}

TEST(Memory, StaysBelow64KiBWhateverComes) {
  Profile profile;
  std::uint64_t time = kStart;
  for (std::uint32_t i = 0; i < 60'000; ++i, time += kSecond) {
    auto record =
        outbound(time, fmt::format("{}.{}.{}.{}", 1 + mix(i) % 200, mix(i + 7) % 256, i % 256, 1 + i % 250),
                 static_cast<std::uint16_t>(mix(i) % 65536),
                 i % 3 == 0 ? fmt::format("{}-a-very-long-name-for-one-label-of-a-domain-{}.example", mix(i), i) : "");
    if (i % 2 == 0) record.role = flow::Role::responder;
    if (i % 7 == 0) record.protocol = 17;
    profile.learn(observe(record), Lesson::normal);
    profile.learn_process(fmt::format("/opt/a/long/path/to/a/program/with/a/number/{}", i), time, Lesson::normal);
    if (i % 1000 == 0) {
      ASSERT_LE(profile.memory_bytes(), Profile::kMaxBytes) << i;
    }
  }
  EXPECT_LE(profile.memory_bytes(), Profile::kMaxBytes);
  EXPECT_GT(profile.memory_bytes(), 20'000u) << "the tables are full, else this proves nothing";
  EXPECT_GT(profile.contacts().evicted(), 0u);
}

TEST(Memory, AFloodOfStrangersDoesNotPushOutWhatIsNormal) {
  Profile profile;
  auto time = teach_routine(profile, 2);
  for (std::uint32_t i = 0; i < 5'000; ++i)
    profile.learn(observe(in_vain(outbound(time + i * kSecond, fmt::format("203.0.{}.{}", i / 250, 1 + i % 250), 23))),
                  Lesson::normal);
  EXPECT_TRUE(profile.assess(observe(outbound(time, "10.0.0.9", 502))).learned);
}

}  // namespace
}  // namespace iris::profile
