// SPDX-License-Identifier: Apache-2.0
// The live set without a gateway: how recorded windows are played, and what counts as found.
#include <gtest/gtest.h>

#include "material.h"
#include "score.h"

namespace iris::live {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'767'225'600 * kSecond;

flow::OwnerPtr owner(const std::string& name, const std::string& path, flow::OwnerKind kind = flow::OwnerKind::container) {
  flow::Owner made;
  made.kind = kind;
  made.name = made.module_id = name;
  made.image = "iris-demo/" + name + ":1";
  made.cgroup_path = path;
  return std::make_shared<const flow::Owner>(made);
}

/// A window of ten seconds, in which modbus1 polls its slave; with a crash if wanted.
flow::Batch window(std::uint64_t start_ns, bool crash = false) {
  flow::Batch batch;
  batch.start_wall_ns = start_ns;
  batch.end_wall_ns = start_ns + 10 * kSecond;
  flow::FlowRecord flow;
  flow.owner = owner("modbus1", "/iris-1/docker/abc");
  flow.window_start_wall_ns = flow.first_seen_wall_ns = batch.start_wall_ns;
  flow.window_end_wall_ns = batch.end_wall_ns;
  flow.protocol = 6;
  flow.peer_address = base::IpAddress::parse("10.77.0.200");
  flow.service_port = 502;
  flow.scope = flow::Scope::site;
  flow.opened = flow.established = 1;
  flow.originator_bytes = flow.responder_bytes = 100;
  batch.records.emplace_back(flow);
  if (crash) {
    flow::ExitRecord exit;
    exit.owner = flow.owner;
    exit.wall_ns = start_ns + 3 * kSecond;
    exit.exit_class = flow::ExitClass::crash;
    exit.signal = 11;
    exit.main_process = true;
    batch.records.emplace_back(exit);
  }
  return batch;
}

std::vector<flow::Batch> windows(std::size_t count, std::uint64_t start_ns = kStart) {
  std::vector<flow::Batch> batches;
  for (std::size_t i = 0; i < count; ++i) batches.push_back(window(start_ns + i * 10 * kSecond));
  return batches;
}

TEST(LivePlay, RepeatsWithoutAGapAndNoLongerThanAsked) {
  Play play(kStart);
  play.repeat(windows(6, kStart + 777 * kSecond), 3600 * kSecond);
  EXPECT_EQ(play.now_ns(), kStart + 3600 * kSecond);
  play.repeat(windows(7), 100 * kSecond);
  EXPECT_EQ(play.now_ns(), kStart + 3670 * kSecond);
  EXPECT_TRUE(play.sightings().empty()) << "a gateway that was silent, say";
}

TEST(LivePlay, MovesTheTimesOfRecordsWithTheWindow) {
  Play play(kStart);
  play.begin("attack");
  const std::vector<flow::Batch> later{window(kStart + 500 * kSecond, true)};
  play.play(later);
  ASSERT_EQ(play.sightings().size(), 1U);
  EXPECT_EQ(play.sightings()[0].alert.wall_ns, kStart + 3 * kSecond);
  EXPECT_EQ(play.sightings()[0].told_ns, kStart + 10 * kSecond);
  EXPECT_EQ(play.played(kStart + 501 * kSecond), kStart + kSecond);
}

TEST(LivePlay, StretchesByNormalBehindEachWindow) {
  Play play(kStart);
  play.stretch(windows(3), windows(4), 600 * kSecond);
  EXPECT_EQ(play.now_ns(), kStart + 3 * 610 * kSecond);
}

TEST(LivePlay, WhatGoesOnIsToldInEachPartButIsNewInOneOnly) {
  Play play(kStart);
  const std::vector<flow::Batch> crash{window(kStart, true)};
  play.begin("learning");
  play.play(crash);
  play.begin("attack");
  play.play(crash);
  ASSERT_EQ(play.sightings().size(), 2U);
  EXPECT_TRUE(play.sightings()[0].first);
  EXPECT_FALSE(play.sightings()[1].first);
  play.call_harmless();
  play.begin("after");
  play.play(crash);
  ASSERT_EQ(play.sightings().size(), 3U);
  EXPECT_TRUE(play.sightings()[2].first) << "the first is closed";
}

TEST(LiveMaterial, KeepsWhatIsTheGatewaysOwn) {
  flow::FlowRecord flow;
  const auto of = [&flow](const flow::OwnerPtr& who) {
    flow.owner = who;
    return belongs_to(flow::Record(flow), "iris-1");
  };
  EXPECT_TRUE(of(owner("modbus1", "/iris-1/docker/abc")));
  EXPECT_TRUE(of(owner("docker.service", "/iris-1/docker.service", flow::OwnerKind::service)));
  EXPECT_FALSE(of(owner("demo-cloud.service", "/iris-1/demo-cloud.service", flow::OwnerKind::service)));
  EXPECT_FALSE(of(owner("modbus1", "/iris-12/docker/abc"))) << "of another gateway on this machine";
  EXPECT_FALSE(of(nullptr));
  EXPECT_TRUE(belongs_to(flow::Record(flow::Ledger{}), "iris-1"));
}

TEST(LiveMaterial, SlicesByTheTimesGiven) {
  Material material;
  material.batches = windows(6);
  const Span span{kStart + 15 * kSecond, kStart + 45 * kSecond};
  EXPECT_EQ(material.slice(span, true).size(), 2U);
  EXPECT_EQ(material.slice(span, false).size(), 4U);
  EXPECT_TRUE(material.slice({1, 2}, false).empty());
}

TEST(LiveMaterial, UnknownTimesStayUnknown) {
  flow::ExitRecord exit;
  exit.wall_ns = kStart;
  flow::Record record(exit);
  shift(record, -5 * static_cast<std::int64_t>(kSecond));
  EXPECT_EQ(std::get<flow::ExitRecord>(record).wall_ns, kStart - 5 * kSecond);
  EXPECT_EQ(std::get<flow::ExitRecord>(record).started_wall_ns, 0U);
}

Sighting sighting(detect::AlertClass alert_class, const std::string& subject, const std::string& peer, std::uint64_t after_s,
                  const std::string& part = "attack") {
  Sighting one;
  one.alert.alert_class = alert_class;
  one.alert.subject = subject;
  one.alert.peer = peer;
  one.part = part;
  one.told_ns = kStart + after_s * kSecond;
  one.first = true;
  return one;
}

using detect::AlertClass;

Attack download() {
  Attack attack;
  attack.alert_class = "command_and_control";
  attack.subjects = {"edgeHub"};
  attack.peer = "203.0.113.66";
  attack.within_s = 15;
  attack.also = {{"anomalous_process", "edgeHub", ""}, {"lateral_movement", "PowerMeter-01", ""}};
  return attack;
}

TEST(LiveScore, FoundInTimeWithWhatIsAlsoTrue) {
  const auto verdict = judge_attack(download(),
                                    {sighting(AlertClass::anomalous_process, "$edgeHub", "", 5),
                                     sighting(AlertClass::command_and_control, "$edgeHub", "203.0.113.66 (x)", 12),
                                     sighting(AlertClass::lateral_movement, "gw/modbus1/PowerMeter-01", "", 13)},
                                    kStart);
  EXPECT_TRUE(verdict.passed());
  EXPECT_DOUBLE_EQ(verdict.delay_s, 12);
  EXPECT_EQ(verdict.also.size(), 2U);
}

TEST(LiveScore, AnotherClassOrPeerIsNotWhatWasAsked) {
  const auto other_class = judge_attack(download(), {sighting(AlertClass::anomalous_process, "$edgeHub", "", 5)}, kStart);
  EXPECT_TRUE(other_class.hit);
  EXPECT_FALSE(other_class.right_class);
  EXPECT_FALSE(other_class.passed());
  const auto other_peer =
      judge_attack(download(), {sighting(AlertClass::command_and_control, "$edgeHub", "203.0.113.10", 5)}, kStart);
  EXPECT_FALSE(other_peer.right_class);
  EXPECT_EQ(other_peer.false_ones.size(), 1U);
}

TEST(LiveScore, LateFalseOrOldAlertsDoNotPass) {
  const auto hit = sighting(AlertClass::command_and_control, "edgeHub", "203.0.113.66", 12);
  EXPECT_TRUE(judge_attack(download(), {hit}, kStart).passed());
  EXPECT_FALSE(judge_attack(download(), {}, kStart).passed());
  auto late = hit;
  late.told_ns += 60 * kSecond;
  EXPECT_FALSE(judge_attack(download(), {late}, kStart).passed());
  auto old = hit;
  old.first = false;
  EXPECT_FALSE(judge_attack(download(), {old}, kStart).passed());
  EXPECT_FALSE(judge_attack(download(), {hit, sighting(AlertClass::crash, "vision1", "", 3)}, kStart).passed());
  EXPECT_TRUE(judge_attack(download(), {hit, sighting(AlertClass::crash, "vision1", "", 3, "learning")}, kStart).passed());
}

}  // namespace
}  // namespace iris::live
