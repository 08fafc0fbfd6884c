// SPDX-License-Identifier: Apache-2.0
#include "pipeline/conversations.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace iris::pipeline {
namespace {

base::IpAddress address(const char* text) { return *base::IpAddress::parse(text); }

flow::OwnerPtr container(const std::string& name) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.container_id = name + "-id";
  owner.name = name;
  return std::make_shared<const flow::Owner>(owner);
}

flow::OwnerPtr service(const std::string& name) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::service;
  owner.name = name;
  return std::make_shared<const flow::Owner>(owner);
}

// A host 198.51.100.9 with a bridge 203.0.113.1; hub listens on 80, published as 8080.
class ConversationsTest : public ::testing::Test {
 protected:
  ConversationsTest()
      : hub_(container("hub")),
        sensor_(container("sensor")),
        docker_(service("docker.service")),
        addresses_{address("198.51.100.9"), address("203.0.113.1")},
        lookups_{[this](const base::IpAddress& one, std::uint64_t wall_ns) -> flow::OwnerPtr {
                   if (one == address("203.0.113.2")) return wall_ns >= hub_since_ ? hub_ : nullptr;
                   return one == address("203.0.113.3") ? sensor_ : nullptr;
                 },
                 [this](std::uint8_t protocol, const base::IpAddress&, std::uint16_t port, std::uint64_t) {
                   std::optional<Conversations::Published> found;
                   if (protocol == IPPROTO_TCP && port == 8080) found = Conversations::Published{hub_, 80};
                   return found;
                 },
                 [](const flow::Owner& owner) { return owner.kind == flow::OwnerKind::container && owner.name != "camera"; }} {}

  static flow::FlowRecord flow(flow::OwnerPtr owner, flow::Role role, const char* local, const char* peer,
                               std::uint16_t port, std::vector<std::string> processes = {"app"}) {
    flow::FlowRecord record;
    record.owner = std::move(owner);
    record.role = role;
    record.protocol = IPPROTO_TCP;
    record.local_address = address(local);
    record.peer_address = address(peer);
    record.service_port = port;
    record.processes = std::move(processes);
    return record;
  }
  bool told(flow::FlowRecord& record) const { return Conversations(lookups_, addresses_).conclude(record); }

  flow::OwnerPtr hub_, sensor_, docker_;
  AddressSet addresses_;
  std::uint64_t hub_since_ = 0;
  Conversations::Lookups lookups_;
};

constexpr auto kOriginator = flow::Role::originator;
constexpr auto kResponder = flow::Role::responder;

TEST_F(ConversationsTest, OverTheBridgeTheOpenerTellsIt) {
  auto opener = flow(sensor_, kOriginator, "203.0.113.3", "203.0.113.2", 80);
  auto other = flow(hub_, kResponder, "203.0.113.2", "203.0.113.3", 80);
  EXPECT_TRUE(told(opener));
  EXPECT_EQ(opener.peer_owner, hub_);
  EXPECT_FALSE(told(other));
}

TEST_F(ConversationsTest, ThroughAddressTranslationTheOpenerNamesWhoIsBehindThePort) {
  auto opener = flow(sensor_, kOriginator, "203.0.113.3", "198.51.100.9", 8080);
  auto other = flow(hub_, kResponder, "203.0.113.2", "203.0.113.3", 80);
  EXPECT_TRUE(told(opener));
  EXPECT_EQ(opener.peer_owner, hub_);
  EXPECT_EQ(opener.service_port, 8080);
  EXPECT_FALSE(told(other));
}

TEST_F(ConversationsTest, OfAProxiedConversationOnlyTheOpenerIsLeft) {
  auto opener = flow(sensor_, kOriginator, "203.0.113.3", "203.0.113.1", 8080);
  auto outer = flow(docker_, kResponder, "203.0.113.1", "203.0.113.3", 8080, {"docker-proxy"});
  auto inner = flow(docker_, kOriginator, "203.0.113.1", "203.0.113.2", 80, {"docker-proxy"});
  auto other = flow(hub_, kResponder, "203.0.113.2", "203.0.113.1", 80);
  EXPECT_TRUE(told(opener));
  EXPECT_EQ(opener.peer_owner, hub_);
  EXPECT_FALSE(told(outer));
  EXPECT_FALSE(told(inner));
  EXPECT_FALSE(told(other));
}

TEST_F(ConversationsTest, FromOutsideThroughTheProxyTheContainerHasTheTruePeer) {
  auto outer = flow(docker_, kResponder, "198.51.100.9", "198.51.100.77", 8080, {"docker-proxy"});
  auto inner = flow(docker_, kOriginator, "203.0.113.1", "203.0.113.2", 80, {"docker-proxy"});
  auto other = flow(hub_, kResponder, "203.0.113.2", "203.0.113.1", 80);
  EXPECT_TRUE(told(outer));
  EXPECT_EQ(outer.owner, hub_);
  EXPECT_EQ(outer.service_port, 80);
  EXPECT_EQ(outer.peer_address, address("198.51.100.77"));
  EXPECT_EQ(outer.peer_owner, nullptr);
  EXPECT_FALSE(told(inner));
  EXPECT_FALSE(told(other));
}

TEST_F(ConversationsTest, FromOutsideThroughAddressTranslationTheContainerTellsIt) {
  auto other = flow(hub_, kResponder, "203.0.113.2", "198.51.100.77", 80);
  EXPECT_TRUE(told(other));
  EXPECT_EQ(other.owner, hub_);
}

TEST_F(ConversationsTest, FromAProcessOfTheHostTheOpenerTellsIt) {
  auto direct = flow(service("cron.service"), kOriginator, "203.0.113.1", "203.0.113.2", 80);
  auto by_port = flow(service("cron.service"), kOriginator, "127.0.0.1", "127.0.0.1", 8080);
  auto outer = flow(docker_, kResponder, "127.0.0.1", "127.0.0.1", 8080, {"docker-proxy"});
  auto other = flow(hub_, kResponder, "203.0.113.2", "203.0.113.1", 80);
  EXPECT_TRUE(told(direct));
  EXPECT_EQ(direct.peer_owner, hub_);
  EXPECT_TRUE(told(by_port));
  EXPECT_EQ(by_port.peer_owner, hub_);
  EXPECT_FALSE(told(outer));
  EXPECT_FALSE(told(other));
}

TEST_F(ConversationsTest, AContainersOwnLoopbackIsNotTheHosts) {
  auto opener = flow(sensor_, kOriginator, "127.0.0.1", "127.0.0.1", 8080);
  auto other = flow(sensor_, kResponder, "127.0.0.1", "127.0.0.1", 8080);
  EXPECT_TRUE(told(opener));
  EXPECT_EQ(opener.peer_owner, nullptr);
  EXPECT_TRUE(told(other));
}

TEST_F(ConversationsTest, AContainerOnTheHostsNetworkSharesItsLoopback) {
  auto opener = flow(container("camera"), kOriginator, "127.0.0.1", "127.0.0.1", 8080);
  EXPECT_TRUE(told(opener));
  EXPECT_EQ(opener.peer_owner, hub_);
}

TEST_F(ConversationsTest, AddressThatTheEngineDoesNotKnowIsLearntFromItsOwnFlows) {
  const flow::OwnerPtr moment = container("moment");
  Conversations conversations(lookups_, addresses_);
  auto opener = flow(moment, kOriginator, "203.0.113.8", "203.0.113.2", 80);
  opener.window_end_wall_ns = 1'000'000'000;
  conversations.learn(opener);
  auto other = flow(hub_, kResponder, "203.0.113.2", "203.0.113.8", 80);
  EXPECT_TRUE(conversations.conclude(opener));
  EXPECT_FALSE(conversations.conclude(other));
  // Not for ever: the address may be another's by then.
  auto later = flow(sensor_, kOriginator, "203.0.113.3", "203.0.113.2", 80);
  later.window_end_wall_ns = 100'000'000'000;
  conversations.learn(later);
  EXPECT_TRUE(conversations.conclude(other));
}

// Engines give the address of one that has gone to the next that comes.
TEST_F(ConversationsTest, AnAddressIsWhoseItWasThen) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  hub_since_ = 15 * kSecond;
  const flow::OwnerPtr before = container("before");
  Conversations conversations(lookups_, addresses_);
  const auto seen = [](flow::FlowRecord record, std::uint64_t first, std::uint64_t last) {
    record.first_seen_wall_ns = first * kSecond;
    record.last_seen_wall_ns = last * kSecond;
    record.window_end_wall_ns = 20 * kSecond;
    return record;
  };
  auto old_opener = seen(flow(before, kOriginator, "203.0.113.2", "203.0.113.3", 80), 10, 12);
  auto old_other = seen(flow(sensor_, kResponder, "203.0.113.3", "203.0.113.2", 80), 10, 12);
  auto new_opener = seen(flow(sensor_, kOriginator, "203.0.113.3", "203.0.113.2", 80), 16, 18);
  auto new_other = seen(flow(hub_, kResponder, "203.0.113.2", "203.0.113.3", 80), 16, 18);
  auto host = seen(flow(service("mqtt.service"), kResponder, "203.0.113.1", "203.0.113.2", 1883), 11, 11);
  for (auto* record : {&new_opener, &new_other, &old_opener, &old_other, &host}) conversations.learn(*record);
  EXPECT_TRUE(conversations.conclude(old_opener));
  EXPECT_FALSE(conversations.conclude(old_other));
  EXPECT_TRUE(conversations.conclude(new_opener));
  EXPECT_EQ(new_opener.peer_owner, hub_);
  EXPECT_FALSE(conversations.conclude(new_other));
  EXPECT_TRUE(conversations.conclude(host));
  EXPECT_EQ(host.peer_owner, before);
  host.last_seen_wall_ns = 2 * kSecond;  // before anybody is known to have had it
  EXPECT_TRUE(conversations.conclude(host));
  EXPECT_EQ(host.peer_owner, nullptr);
}

TEST_F(ConversationsTest, TheHostsAddressesAreNoContainers) {
  Conversations conversations(lookups_, addresses_);
  conversations.learn(flow(container("camera"), kOriginator, "198.51.100.9", "203.0.113.2", 80));
  auto opener = flow(sensor_, kOriginator, "203.0.113.3", "198.51.100.9", 22);
  EXPECT_TRUE(conversations.conclude(opener));
  EXPECT_EQ(opener.peer_owner, nullptr);
}

TEST_F(ConversationsTest, AServiceOfTheHostKeepsItsView) {
  auto other = flow(service("mqtt.service"), kResponder, "203.0.113.1", "203.0.113.3", 1883);
  EXPECT_TRUE(told(other));
  EXPECT_EQ(other.peer_owner, sensor_);
}

TEST_F(ConversationsTest, AProgramThatOnlyHasTheProxysNameIsNone) {
  auto outer = flow(sensor_, kResponder, "203.0.113.3", "198.51.100.77", 8080, {"docker-proxy"});
  EXPECT_TRUE(told(outer));
  EXPECT_EQ(outer.owner, sensor_);
  auto other_port = flow(docker_, kResponder, "198.51.100.9", "198.51.100.77", 9090, {"docker-proxy"});
  EXPECT_TRUE(told(other_port));
  EXPECT_EQ(other_port.owner, docker_);
}

}  // namespace
}  // namespace iris::pipeline
