// SPDX-License-Identifier: Apache-2.0
// Alerts on their way to the gateway that they are about.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "collector/raw_agent.h"
#include "ship/stream_fixture.h"
#include "wire/json_alert.h"

namespace iris::collector {
namespace {

using namespace test_support;
using testing::ElementsAre;

constexpr std::uint64_t kHour = 3600ULL * 1'000'000'000;

class AlertsTest : public StreamTest {
 protected:
  void SetUp() override {
    now_wall_ns = 100 * kHour;
    start_plain();
    one = add_gateway("g1");
    other = add_gateway("g2");
  }
  std::unique_ptr<RawAgent> greeted_agent(const std::string& gateway, std::uint64_t alert_change = 0) const {
    auto raw = std::make_unique<RawAgent>(server->port(), "Bearer " + tokens.at(gateway));
    auto first = hello();
    if (alert_change != 0) first.mutable_hello()->set_alert_change(alert_change);
    raw->write(first);
    const auto answer = raw->read();
    EXPECT_TRUE(answer && answer->has_welcome()) << "before all else";
    return raw;
  }
  /// The ids of the next alerts; "-" for any other message.
  static std::vector<std::string> ids(RawAgent& raw, std::size_t count) {
    std::vector<std::string> found;
    for (std::size_t i = 0; i < count; ++i) {
      const auto message = raw.read();
      if (!message) break;
      found.push_back(message->has_alert() ? id_of(message->alert()) : "-");
    }
    return found;
  }
  static std::string id_of(const v1::Alert& alert) {
    return nlohmann::json::parse(alert.json()).at("id").get<std::string>();
  }

  std::int64_t one = 0;
  std::int64_t other = 0;
};

TEST_F(AlertsTest, AStreamIsToldOfTheLastDayAndOfWhatIsNewOfItsOwnGatewayOnly) {
  store.put_alert(one, "a-old", 100 * kHour - 25 * kHour);
  store.put_alert(one, "a", 99 * kHour);
  store.put_alert(other, "b", 99 * kHour);
  const auto first = greeted_agent("g1");
  const auto second = greeted_agent("g2");
  EXPECT_THAT(ids(*first, 1), ElementsAre("a"));
  EXPECT_THAT(ids(*second, 1), ElementsAre("b"));

  store.put_alert(other, "b2", 100 * kHour);
  store.put_alert(one, "a2", 100 * kHour);
  EXPECT_THAT(ids(*first, 1), ElementsAre("a2"));
  EXPECT_THAT(ids(*second, 1), ElementsAre("b2"));
  store.put_alert(one, "a", 100 * kHour);  // has changed
  EXPECT_THAT(ids(*first, 1), ElementsAre("a"));

  // Nothing of the other one came between, nor does behind them.
  first->write(first->batch(1, 1));
  EXPECT_THAT(ids(*first, 1), ElementsAre("-"));
  second->write(second->batch(1, 1));
  EXPECT_THAT(ids(*second, 1), ElementsAre("-"));
  EXPECT_EQ(server->status().told_alerts, 5U);
}

TEST_F(AlertsTest, WhatTheAgentHasIsNotToldAgain) {
  store.put_alert(one, "a", 99 * kHour);
  const auto had = store.put_alert(one, "b", 99 * kHour);
  store.put_alert(one, "c", 99 * kHour);
  store.put_alert(one, "a", 99 * kHour);
  EXPECT_THAT(ids(*greeted_agent("g1", had), 2), ElementsAre("c", "a")) << "in the order of changes";
  // It has more than there is: the store is another one.
  EXPECT_THAT(ids(*greeted_agent("g1", 1000), 3), ElementsAre("b", "c", "a"));
}

TEST_F(AlertsTest, ABriefingIsBounded) {
  for (int i = 0; i < 60; ++i) store.put_alert(one, "a" + std::to_string(i), 99 * kHour);
  const auto raw = greeted_agent("g1");
  const auto told = ids(*raw, 50);
  ASSERT_EQ(told.size(), 50U);
  EXPECT_EQ(told.front(), "a10");
  EXPECT_EQ(told.back(), "a59");
  raw->write(raw->batch(1, 1));
  EXPECT_THAT(ids(*raw, 1), ElementsAre("-"));
}

TEST_F(AlertsTest, EvidenceIsCutAndWhatIsTooLargeIsLeftOut) {
  const std::string large(wire::kMaxAlertBytes, 'x');
  store.put_alert(one, "cut", 99 * kHour, R"("evidence":[{"n":1},{"n":2}])");
  store.put_alert(one, "huge", 99 * kHour, R"("evidence":[],"summary":")" + large + "\"");
  store.put_alert(one, "large", 99 * kHour, R"("device":{"id":"d","tags":{}},"evidence":[{"n":")" + large + "\"}]");
  const auto raw = greeted_agent("g1");
  const auto cut = raw->read();
  ASSERT_TRUE(cut && cut->has_alert());
  EXPECT_EQ(nlohmann::json::parse(cut->alert().json()).at("evidence"), nlohmann::json::parse(R"([{"n":1}])"));
  const auto reduced = raw->read();
  ASSERT_TRUE(reduced && reduced->has_alert());
  EXPECT_EQ(reduced->alert().json(),
            R"({"type":"alert","id":"large","device":{"id":"d","tags":null,"configuration":null},"evidence":[]})");
  EXPECT_EQ(server->status().untold_alerts, 1U);
}

TEST_F(AlertsTest, WhoDoesNotReadLosesTheOldestAndNothingElse) {
  store.put_alert(one, "first", 100 * kHour);
  const auto raw = greeted_agent("g1");
  ASSERT_THAT(ids(*raw, 1), ElementsAre("first"));  // behind it everything is told as it comes
  const std::string filler(50'000, 'x');
  // More than the connection takes in, however far its window has grown, and the stream keeps.
  constexpr std::uint64_t kQueued = 8;  // at most: 256 KiB of them, and one being written
  std::uint64_t put = 0;
  for (int round = 0; round < 10 && server->status().untold_alerts == 0; ++round) {
    for (int i = 0; i < 120; ++i)
      store.put_alert(one, "a" + std::to_string(put++), 100 * kHour, R"("evidence":[],"summary":")" + filler + "\"");
    while (server->status().told_alerts + server->status().untold_alerts < put - kQueued && server->status().untold_alerts == 0)
      std::this_thread::sleep_for(10ms);
  }
  raw->write(raw->batch(1, 1));
  std::string last;
  bool acknowledged = false;
  while (last != "a" + std::to_string(put - 1) || !acknowledged) {
    const auto message = raw->read();
    ASSERT_TRUE(message);
    if (message->has_alert()) last = id_of(message->alert());
    acknowledged = acknowledged || message->acknowledge().sequence() == 1;
  }
  const auto status = server->status();
  EXPECT_GT(status.untold_alerts, 0U);
  EXPECT_EQ(status.told_alerts + status.untold_alerts, put + 1);
}

TEST_F(AlertsTest, AnAgentThatDoesNotKnowThemPassesOverThem) {
  // AgentMessage knows the kinds 1 and 2, as CollectorMessage did before there were alerts.
  v1::CollectorMessage message;
  message.mutable_alert()->set_json(std::string(wire::kMaxAlertBytes, 'x'));
  message.mutable_alert()->set_change(UINT64_MAX);
  v1::AgentMessage as_before;
  ASSERT_TRUE(as_before.ParseFromString(message.SerializeAsString()));
  EXPECT_EQ(as_before.kind_case(), v1::AgentMessage::KIND_NOT_SET);
  EXPECT_LE(message.ByteSizeLong(), 64U << 10) << "what it takes at most";
}

}  // namespace
}  // namespace iris::collector
