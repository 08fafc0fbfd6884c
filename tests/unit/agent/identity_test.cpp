// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "agent/batch_builder.h"
#include "agent/batch_queue.h"
#include "agent/identity_hub.h"
#include "agent/inventory.h"

namespace iris::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Change = flow::DeviceRecord::Change;

constexpr std::uint64_t kNow = 1'767'323'045'000'000'000;
constexpr std::uint64_t kDay = 86'400ULL * 1'000'000'000;

flow::Device device(const std::string& id, const std::string& status = "") {
  flow::Device made;
  made.id = id;
  made.status = status;
  return made;
}

std::vector<std::pair<std::string, Change>> told(const Inventory::News& news) {
  std::vector<std::pair<std::string, Change>> changes;
  for (const auto& record : news.records) changes.emplace_back(record.device.id, record.change);
  return changes;
}

TEST(Inventory, TellsWhatIsNews) {
  Inventory inventory({});
  inventory.set({device("b"), device("a")}, true);
  EXPECT_THAT(told(inventory.take(kNow, 100)), ElementsAre(std::pair("a", Change::present), std::pair("b", Change::present)));
  EXPECT_THAT(told(inventory.take(kNow, 100)), IsEmpty());
  inventory.set({device("a"), device("b", "stopped"), device("c")}, true);
  EXPECT_THAT(told(inventory.take(kNow, 100)), ElementsAre(std::pair("b", Change::updated), std::pair("c", Change::added)));
  inventory.set({device("a"), device("c")}, true);
  const auto news = inventory.take(kNow, 100);
  ASSERT_THAT(told(news), ElementsAre(std::pair("b", Change::removed)));
  EXPECT_EQ(news.records[0].device.status, "stopped") << "what was known last";
  EXPECT_EQ(news.keep.at("device/b"), "") << "forgotten by the spool, too";
}

TEST(Inventory, ARestartTellsNothingTwiceAndMissesNothing) {
  Inventory before({});
  before.set({device("a"), device("b"), device("c")}, true);
  std::map<std::string, std::string> kept;
  for (const auto& [key, value] : before.take(kNow, 2).keep) kept.emplace(key.substr(7), value);  // "device/"
  ASSERT_EQ(kept.size(), 2U);

  Inventory after(kept);
  after.set({device("a"), device("c")}, true);
  EXPECT_THAT(told(after.take(kNow, 100)), ElementsAre(std::pair("c", Change::present), std::pair("b", Change::removed)));
}

TEST(Inventory, NobodyIsGoneBeforeAllWereHeard) {
  Inventory inventory({{"a", "digest"}, {"b", "digest"}});
  inventory.set({device("a")}, false);
  EXPECT_THAT(told(inventory.take(kNow, 100)), ElementsAre(std::pair("a", Change::updated)));
  inventory.set({device("a")}, true);
  EXPECT_THAT(told(inventory.take(kNow, 100)), ElementsAre(std::pair("b", Change::removed)));
}

TEST(Inventory, ComesInPortionsAndAgainAfterADay) {
  Inventory inventory({});
  std::vector<flow::Device> many;
  for (int i = 0; i < 10; ++i) many.push_back(device("d" + std::to_string(i)));
  inventory.set(many, true);
  EXPECT_EQ(inventory.take(kNow, 4).records.size(), 4U);
  EXPECT_EQ(inventory.take(kNow, 4).records.size(), 4U);
  EXPECT_EQ(inventory.take(kNow, 4).records.size(), 2U);
  EXPECT_THAT(told(inventory.take(kNow + kDay - 1, 100)), IsEmpty());
  EXPECT_EQ(inventory.take(kNow + kDay, 100).records.size(), 10U);
  EXPECT_THAT(told(inventory.take(kNow + kDay, 100)), IsEmpty());
}

/// Says what the test tells it to.
class FakeClient : public identity::RegistryClient {
 public:
  void start(identity::RegistryListener& listener) override { listener_ = &listener; }
  void stop() override { stopped = true; }
  void set_gateway_id(const std::string& id) override { gateway = id; }
  void say(const std::string& registry, std::vector<identity::Evidence> evidence) {
    listener_->on_evidence(registry, identity::share(std::move(evidence)));
  }
  identity::RegistryListener* listener_ = nullptr;
  std::atomic<bool> stopped{false};
  std::string gateway;
};

identity::Evidence leaf(const std::string& name, const char* address = nullptr) {
  identity::Evidence evidence;
  evidence.name = name;
  if (address != nullptr) evidence.addresses = {{base::IpAddress::parse(address), 0, 0, ""}};
  return evidence;
}

identity::Evidence neighbour(const char* address) {
  identity::Evidence evidence = leaf("", address);
  evidence.source = identity::Source::neighbour_table;
  evidence.kind = flow::DeviceKind::observed;
  return evidence;
}

class IdentityHubTest : public ::testing::Test {
 protected:
  void begin(milliseconds patience = std::chrono::hours(1)) {
    hub_ = std::make_unique<IdentityHub>(identity::MergeRules{"gw1", {}}, std::map<std::string, std::string>{}, patience);
    for (const char* name : {"iot_hub", "neighbours", "event_hub"}) {
      auto client = std::make_unique<FakeClient>();
      clients_[name] = client.get();
      hub_->add(name, std::move(client));
    }
    hub_->start();
  }
  /// The ids of the devices, once the hub has merged what it was told.
  std::vector<std::string> merged() {
    std::shared_ptr<const identity::DeviceIndex> index;
    while (!(index = hub_->new_index())) std::this_thread::yield();
    index_ = index;
    std::vector<std::string> ids;
    for (const auto& device : hub_->devices()) ids.push_back(device.id);
    return ids;
  }
  std::map<std::string, FakeClient*> clients_;
  std::shared_ptr<const identity::DeviceIndex> index_;
  std::unique_ptr<IdentityHub> hub_;
};

TEST_F(IdentityHubTest, WaitsForAllBeforeItMerges) {
  begin();
  clients_["iot_hub"]->say("iot_hub", {leaf("thermostat", "198.51.100.7")});
  std::this_thread::sleep_for(milliseconds(600));  // longer than it lets things settle
  EXPECT_THAT(hub_->devices(), IsEmpty());
  clients_["neighbours"]->say("neighbours", {neighbour("198.51.100.9")});
  EXPECT_THAT(merged(), ElementsAre("observed/198.51.100.9", "thermostat"));
  EXPECT_EQ(*index_->device_of(*base::IpAddress::parse("198.51.100.7"), 502, 6), "thermostat");
  hub_->stop();
  EXPECT_TRUE(clients_["iot_hub"]->stopped);
}

TEST_F(IdentityHubTest, DoesNotWaitForEver) {
  begin(milliseconds(1));
  clients_["neighbours"]->say("neighbours", {neighbour("198.51.100.9")});
  EXPECT_THAT(merged(), ElementsAre("observed/198.51.100.9"));
}

TEST_F(IdentityHubTest, AContainerOnABridgeIsNoDevice) {
  begin();
  flow::ContainerRecord container;
  container.addresses = {*base::IpAddress::parse("198.51.100.65")};
  hub_->look_at(container);
  clients_["iot_hub"]->say("iot_hub", {});
  clients_["neighbours"]->say("neighbours", {neighbour("198.51.100.9"), neighbour("198.51.100.65")});
  EXPECT_THAT(merged(), ElementsAre("observed/198.51.100.9"));
}

TEST_F(IdentityHubTest, LearnsTheGatewayFromItsModules) {
  hub_ = std::make_unique<IdentityHub>(identity::MergeRules{}, std::map<std::string, std::string>{});
  auto client = std::make_unique<FakeClient>();
  auto* seen = client.get();
  hub_->add("iot_hub", std::move(client));
  hub_->start();
  flow::Owner owner;
  owner.module_id = "modbus1";
  owner.device_id = "gateway-7";
  flow::ContainerRecord container;
  container.owner = std::make_shared<const flow::Owner>(owner);
  hub_->look_at(container);
  EXPECT_EQ(seen->gateway, "gateway-7");
}

TEST_F(IdentityHubTest, PositionsGoWithTheRecordsBeforeThem) {
  begin();
  hub_->set_checkpoint_prefix("event_hub/ns/logs/$Default/");
  clients_["iot_hub"]->say("iot_hub", {leaf("thermostat")});
  clients_["neighbours"]->say("neighbours", {});
  merged();
  std::vector<flow::SecurityRecord> many(3'000);
  for (auto& record : many) record.device_id = "thermostat";
  hub_->on_security(many, {{"0", "77"}});
  std::size_t records = 0;
  int windows = 0;
  for (std::map<std::string, std::string> keep; !keep.contains("event_hub/ns/logs/$Default/0"); ++windows) {
    auto news = hub_->take(kNow);
    for (const auto& record : news.records) {
      const auto* event = std::get_if<flow::SecurityRecord>(&record);
      if (event == nullptr) continue;
      ++records;
      EXPECT_EQ(event->device, "thermostat");
    }
    keep = std::move(news.keep);
    ASSERT_LT(windows, 100);
    if (keep.contains("event_hub/ns/logs/$Default/0")) {
      EXPECT_EQ(keep["event_hub/ns/logs/$Default/0"], "77");
      EXPECT_EQ(records, many.size());
    }
  }
  EXPECT_GT(windows, 1);
}

TEST_F(IdentityHubTest, WhoBringsTooMuchWaits) {
  begin();
  hub_->on_security(std::vector<flow::SecurityRecord>(IdentityHub::kMaxSecurityWaiting), {{"0", "1"}});
  auto second = std::async(std::launch::async, [this] { hub_->on_security({flow::SecurityRecord{}}, {{"0", "2"}}); });
  EXPECT_EQ(second.wait_for(milliseconds(100)), std::future_status::timeout);
  static_cast<void>(hub_->take(kNow));
  EXPECT_EQ(second.wait_for(milliseconds(5'000)), std::future_status::ready);

  // At the end nobody is kept: what was not taken is read again.
  hub_->on_security(std::vector<flow::SecurityRecord>(IdentityHub::kMaxSecurityWaiting), {});
  auto last = std::async(std::launch::async, [this] { hub_->on_security({flow::SecurityRecord{}}, {{"0", "3"}}); });
  hub_->stop();
  EXPECT_EQ(last.wait_for(milliseconds(5'000)), std::future_status::ready);
}

TEST(BatchBuilder, KeepsWhatBelongsToTheBatch) {
  BatchBuilder builder;
  builder.keep({{"device/a", "1"}});
  builder.write(flow::DeviceRecord{});
  flow::Ledger ledger;
  ledger.window_end_wall_ns = kNow;
  builder.write(ledger);
  const auto batch = builder.take();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->keep.at("device/a"), "1");
  EXPECT_EQ(batch->records.size(), 2U);
  EXPECT_EQ(std::get<flow::Ledger>(batch->records[1]).delivered, 0U) << "no part of the kernel's account";
}

TEST(BatchQueue, WhatIsKeptOutlivesABatchThatIsNot) {
  BatchQueue queue(1, 1);
  flow::Batch first;
  first.records = {flow::FlowRecord{}};
  first.keep = {{"device/a", "1"}, {"device/b", "1"}};
  queue.push(first);
  flow::Batch second;
  second.records = {flow::FlowRecord{}};
  second.keep = {{"device/a", "2"}};
  queue.push(second);  // becomes a gap
  const auto batch = queue.pop(milliseconds(0));
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->gaps.size(), 1U);
  EXPECT_EQ(batch->keep, (std::map<std::string, std::string>{{"device/a", "2"}, {"device/b", "1"}}));
}

}  // namespace
}  // namespace iris::agent
