// SPDX-License-Identifier: Apache-2.0
#include "registry/log_stage.h"

#include <gmock/gmock.h>

namespace iris::registry {
namespace {

using flow::SecurityReason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kBegin = 1'900'000'000 * kSecond;

flow::SecurityRecord record(std::uint64_t second, const std::string& device, const std::string& code) {
  flow::SecurityRecord made;
  made.wall_ns = kBegin + second * kSecond;
  made.device_id = device;
  made.code = code;
  made.hub = "hub";
  return made;
}
identity::LogReading reading(std::vector<flow::SecurityRecord> records) {
  identity::LogReading made;
  made.records = std::move(records);
  return made;
}
identity::LogReading connect(std::uint64_t second, const std::string& device) {
  identity::LogReading made;
  made.connects.push_back({kBegin + second * kSecond, device, "", "hub"});
  return made;
}
std::vector<std::string> text(const LogStage::Batch& batch) {
  std::vector<std::string> all;
  for (const auto& one : batch.records) all.push_back(one.device_id + (one.reason == SecurityReason::token_expired ? " expired" : ""));
  return all;
}

TEST(LogStage, WhatIsNotHeldGoesOnAtOnce) {
  LogStage stage;
  stage.take("0", "10", reading({record(0, "a", "404001")}));
  stage.take("1", "5", reading({}));
  const auto batch = stage.collect();
  EXPECT_THAT(text(batch), ElementsAre("a"));
  EXPECT_THAT(batch.checkpoints, ElementsAre(Pair("0", "10"), Pair("1", "5")));
  EXPECT_THAT(stage.collect().checkpoints, IsEmpty());
  EXPECT_EQ(stage.records(), 0U);
}

TEST(LogStage, NothingBehindAHeldRecordGoesOnBeforeIt) {
  LogStage stage;
  stage.take("0", "1", reading({record(0, "before", "404001")}));
  stage.take("0", "2", reading({record(1, "thermostat", "401003"), record(1, "beside", "404001")}));
  stage.take("0", "3", reading({record(2, "behind", "404001")}));
  auto batch = stage.collect();
  EXPECT_THAT(text(batch), ElementsAre("before"));
  EXPECT_THAT(batch.checkpoints, ElementsAre(Pair("0", "1")));
  EXPECT_TRUE(stage.is_held());
  stage.take("0", "4", connect(5, "thermostat"));
  batch = stage.collect();
  // Each in its own event, whenever it was let go: the checkpoint and the records say the same.
  EXPECT_THAT(text(batch), ElementsAre("beside", "thermostat expired", "behind"));
  EXPECT_THAT(batch.checkpoints, ElementsAre(Pair("0", "4")));
  EXPECT_EQ(stage.records(), 0U);
}

TEST(LogStage, EachReleasedRecordComesWithItsOwnEvent) {
  LogStage stage;
  stage.take("0", "1", reading({record(0, "a", "401003")}));
  stage.take("0", "2", reading({record(1, "b", "401003")}));
  stage.take("0", "3", connect(2, "b"));  // the later one is explained first
  EXPECT_THAT(stage.collect().checkpoints, IsEmpty());
  stage.take("0", "4", connect(3, "a"));
  const auto batch = stage.collect();
  EXPECT_THAT(text(batch), ElementsAre("a expired", "b expired"));

  stage.take("0", "5", reading({record(10, "a", "401003")}));
  stage.take("0", "6", reading({record(11, "b", "401003")}));
  stage.take("0", "7", connect(12, "a"));
  const auto first = stage.collect();  // up to the event with b, and not beyond
  EXPECT_THAT(text(first), ElementsAre("a expired"));
  EXPECT_THAT(first.checkpoints, ElementsAre(Pair("0", "5")));
}

TEST(LogStage, RecordsThatSayTheSameAreNotLost) {
  LogStage stage;
  stage.take("0", "1", reading({record(0, "a", "401003"), record(0, "a", "401003")}));
  stage.take("0", "2", reading({record(0, "a", "401003")}));
  stage.take("0", "3", connect(1, "a"));
  const auto batch = stage.collect();
  EXPECT_THAT(text(batch), ElementsAre("a expired", "a expired", "a expired"));
  EXPECT_EQ(stage.records(), 0U);
}

TEST(LogStage, ReleaseLetsAllGoAsItIs) {
  LogStage stage;
  stage.take("0", "1", reading({record(0, "a", "401003")}));
  stage.release();
  EXPECT_FALSE(stage.is_held());
  EXPECT_THAT(text(stage.collect()), ElementsAre("a"));
  stage.release();  // nothing there
  EXPECT_THAT(stage.collect().records, IsEmpty());
}

TEST(LogStage, IsBounded) {
  LogStage stage;
  for (int i = 0; i < 10'000; ++i) {
    stage.take("0", std::to_string(i), reading({record(0, "device " + std::to_string(i), "401003")}));
    ASSERT_LE(stage.records(), 4'097U);
    if (i % 3'000 == 0) stage.collect();
    if (!stage.is_held()) stage.collect();
  }
}

}  // namespace
}  // namespace iris::registry
