// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "store_fixture.h"

namespace iris::store {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

flow::DeviceRecord device_of(const std::string& id, const char* address, std::uint64_t wall_ns,
                             const std::string& tags = R"({"site":"plant-a"})") {
  flow::DeviceRecord change;
  change.wall_ns = wall_ns;
  change.device.id = id;
  change.device.kind = flow::DeviceKind::leaf;
  change.device.tags = tags;
  change.device.addresses = {{base::IpAddress::parse(address), 502, 6, ""}};
  return change;
}

flow::DeviceRecord removed(flow::DeviceRecord change, std::uint64_t wall_ns) {
  change.wall_ns = wall_ns;
  change.change = flow::DeviceRecord::Change::removed;
  return change;
}

class IdentityStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    gateway_ = store_->add_gateway("plant-1", std::string(32, 'a'), kNoon)->id;
  }
  void tell(std::vector<flow::Record> records) {
    IngestBatch ingest{gateway_, 7, ++sequence_, sequence_, {}};
    ingest.batch.start_wall_ns = kNoon + sequence_ * kSecond;
    ingest.batch.end_wall_ns = ingest.batch.start_wall_ns + kSecond;
    ingest.batch.records = std::move(records);
    const auto done = store_->commit(std::span(&ingest, 1), kNoon);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_EQ(done->front(), CommitResult::committed);
  }
  std::vector<StoredDevice> ask(const DeviceQuery& query) {
    std::vector<StoredDevice> found;
    const auto done = store_->devices(query, [&found](const StoredDevice& one) { found.push_back(one); });
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }
  std::vector<std::string> ids(const DeviceQuery& query) {
    std::vector<std::string> all;
    for (const auto& one : ask(query)) all.push_back(json::parse(one.body)["id"]);
    return all;
  }
  std::vector<StoredSecurityEvent> events(const SecurityQuery& query = {}) {
    std::vector<StoredSecurityEvent> found;
    const auto done = store_->security_events(query, [&found](const StoredSecurityEvent& one) { found.push_back(one); });
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }

  std::int64_t gateway_ = 0;
  std::uint64_t sequence_ = 0;
};

TEST_F(IdentityStoreTest, TheStateThatStandsIsTold) {
  tell({device_of("meter-1", "198.51.100.1", kNoon), device_of("meter-2", "198.51.100.2", kNoon)});
  tell({device_of("meter-1", "198.51.100.1", kNoon + kHour, R"({"site":"plant-b"})")});
  const auto all = ask({});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(json::parse(all[0].body)["tags"]["site"], "plant-b");
  EXPECT_EQ(all[0].from_wall_ns, kNoon + kHour);
  EXPECT_EQ(all[0].until_wall_ns, 0U);
  EXPECT_EQ(all[1].from_wall_ns, kNoon);

  tell({removed(device_of("meter-2", "198.51.100.2", 0), kNoon + 2 * kHour)});
  EXPECT_THAT(ids({}), ElementsAre("meter-1"));
  DeviceQuery before;
  before.range.end_wall_ns = kNoon + kHour;
  EXPECT_THAT(ids(before), ElementsAre("meter-1", "meter-2"));
  EXPECT_EQ(json::parse(ask(before)[0].body)["tags"]["site"], "plant-a");
}

TEST_F(IdentityStoreTest, AnAddressHasAHistory) {
  tell({device_of("meter-1", "198.51.100.7", kNoon)});
  tell({device_of("meter-1", "198.51.100.8", kNoon + kHour), device_of("meter-2", "198.51.100.7", kNoon + kHour)});
  tell({removed(device_of("meter-2", "198.51.100.7", 0), kNoon + 3 * kHour)});
  DeviceQuery query;
  query.address = "198.51.100.7";
  query.history = true;
  const auto history = ask(query);
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(json::parse(history[0].body)["id"], "meter-1");
  EXPECT_EQ(history[0].from_wall_ns, kNoon);
  EXPECT_EQ(history[0].until_wall_ns, kNoon + kHour);
  EXPECT_EQ(json::parse(history[1].body)["id"], "meter-2");
  EXPECT_EQ(history[1].until_wall_ns, kNoon + 3 * kHour);

  query.history = false;
  EXPECT_THAT(ids(query), IsEmpty());  // nobody has it now
  query.range.end_wall_ns = kNoon + 2 * kHour;
  EXPECT_THAT(ids(query), ElementsAre("meter-2"));
  query.range.end_wall_ns = kNoon + kHour;
  EXPECT_THAT(ids(query), ElementsAre("meter-1"));
}

TEST_F(IdentityStoreTest, LateTidingsTakeTheirPlaceByEventTime) {
  tell({device_of("meter-1", "198.51.100.1", kNoon + 2 * kHour, R"({"v":3})")});
  tell({device_of("meter-1", "198.51.100.1", kNoon, R"({"v":1})")});
  tell({device_of("meter-1", "198.51.100.1", kNoon + kHour, R"({"v":2})")});
  DeviceQuery query;
  query.history = true;
  const auto all = ask(query);
  ASSERT_EQ(all.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(json::parse(all[static_cast<std::size_t>(i)].body)["tags"]["v"], i + 1);
  EXPECT_EQ(json::parse(ask({})[0].body)["tags"]["v"], 3);
}

TEST_F(IdentityStoreTest, WhatIsToldAgainLeavesNoSecondRow) {
  for (std::uint64_t hour = 0; hour < 5; ++hour) tell({device_of("meter-1", "198.51.100.1", kNoon + hour * kHour)});
  DeviceQuery query;
  query.history = true;
  EXPECT_EQ(ask(query).size(), 1U);
  for (std::uint64_t hour = 5; hour < 8; ++hour) tell({removed(device_of("meter-1", "198.51.100.1", 0), kNoon + hour * kHour)});
  EXPECT_EQ(ask(query).size(), 2U);
  tell({removed(device_of("never-there", "198.51.100.9", 0), kNoon)});
  EXPECT_EQ(ask(query).size(), 2U);
}

TEST_F(IdentityStoreTest, GatewaysAndPagesAreKeptApart) {
  tell({device_of("a", "198.51.100.1", kNoon), device_of("b", "198.51.100.2", kNoon), device_of("c", "198.51.100.3", kNoon)});
  const auto other = store_->add_gateway("plant-2", std::string(32, 'b'), kNoon)->id;
  DeviceQuery query;
  query.gateway_id = other;
  EXPECT_THAT(ids(query), IsEmpty());
  query.gateway_id = gateway_;
  query.limit = 1;
  query.offset = 1;
  EXPECT_THAT(ids(query), ElementsAre("b"));
  query = {};
  query.device = "c";
  EXPECT_THAT(ids(query), ElementsAre("c"));
}

TEST_F(IdentityStoreTest, ASecurityEventComesWithTheDeviceAsItWasThen) {
  tell({device_of("thermostat", "198.51.100.1", kNoon, R"({"owner":"J4"})")});
  flow::SecurityRecord knock;
  knock.wall_ns = kNoon + kHour;
  knock.device_id = "thermostat";
  knock.code = "401003";
  tell({knock, device_of("thermostat", "198.51.100.1", kNoon + 2 * kHour, R"({"owner":"K5"})")});
  tell({knock});  // the log tells twice
  flow::SecurityRecord stranger = knock;
  stranger.device_id = "stranger";
  tell({stranger});
  const auto all = events();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(json::parse(all[0].body)["code"], "401003");
  EXPECT_EQ(json::parse(all[0].device)["tags"]["owner"], "J4");
  EXPECT_EQ(all[1].device, "");
  SecurityQuery query;
  query.range.end_wall_ns = kNoon + kHour;
  EXPECT_THAT(events(query), IsEmpty());
}

TEST_F(IdentityStoreTest, AnEventFromBeforeTheFirstTidingsStillGetsItsDevice) {
  flow::SecurityRecord knock;
  knock.wall_ns = kNoon;
  knock.device_id = "thermostat";
  tell({knock, device_of("thermostat", "198.51.100.1", kNoon + kHour)});
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(json::parse(events()[0].device)["id"], "thermostat");
}

TEST_F(IdentityStoreTest, RetentionKeepsWhatStands) {
  tell({device_of("standing", "198.51.100.1", kNoon, R"({"v":1})"), device_of("gone", "198.51.100.2", kNoon)});
  tell({device_of("standing", "198.51.100.1", kNoon + kHour, R"({"v":2})"), removed(device_of("gone", "198.51.100.2", 0), kNoon + kHour)});
  flow::SecurityRecord knock;
  knock.wall_ns = kNoon;
  tell({knock});
  const Retention retention;
  const std::uint64_t later = kNoon + retention.daily_ns + 10 * kDay;
  for (auto more = store_->maintain(retention, later); more && *more;) more = store_->maintain(retention, later);
  DeviceQuery query;
  query.history = true;
  EXPECT_THAT(ids(query), ElementsAre("standing"));
  EXPECT_EQ(json::parse(ask(query)[0].body)["tags"]["v"], 2);
  EXPECT_THAT(events(), IsEmpty());
  query.address = "198.51.100.2";
  EXPECT_THAT(ids(query), IsEmpty());
}

}  // namespace
}  // namespace iris::store
