// SPDX-License-Identifier: Apache-2.0
#include "pipeline/flow_translator.h"

#include <gmock/gmock.h>

#include <cstring>

namespace iris::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kModule = 100;
constexpr std::uint64_t kNameless = 200;  // has a path that says nothing
constexpr std::uint64_t kGone = 300;      // leads nowhere
const FlowTranslator::Window kWindow{10'000'000, 20'000'000, 1'000'000};

base::IpAddress address(const char* text) { return *base::IpAddress::parse(text); }

flow::OwnerPtr owner(std::uint64_t id) {
  flow::Owner made;
  made.cgroup_id = id;
  if (id == kModule) {
    made.kind = flow::OwnerKind::container;
    made.name = "modbus";
  }
  return std::make_shared<const flow::Owner>(made);
}

/// One call of a translator of its own.
flow::FlowRecord translate(const iris_flow_key& key, const iris_flow_value& value) {
  FlowTranslator translator({owner, [](std::uint64_t id) { return id != kGone && id != 0; },
                             [](std::uint64_t id, const base::IpAddress& peer) {
                               return id == kModule && peer == address("203.0.113.9")
                                          ? std::vector<std::string>{"hub.example"}
                                          : std::vector<std::string>{};
                             },
                             {[](const base::IpAddress& peer, std::uint64_t) {
                                return peer == address("10.0.0.5") ? owner(kModule) : nullptr;
                              },
                              [](std::uint8_t, const base::IpAddress&, std::uint16_t, std::uint64_t) { return std::nullopt; },
                              [](const flow::Owner&) { return false; }}});
  translator.set_host_addresses({address("198.51.100.1")});
  flow::FlowRecord record = translator.flow(key, value, kWindow);
  EXPECT_TRUE(translator.conclude(record));
  return record;
}

iris_flow_key key(const char* peer, std::uint64_t id = kModule) {
  iris_flow_key made{};
  made.cgroup_id = id;
  made.protocol = 6;
  made.role = IRIS_ROLE_ORIGINATOR;
  made.service_port = 443;
  std::memcpy(made.peer_address, address(peer).bytes.data(), 16);
  return made;
}

TEST(FlowTranslator, TakesOverEveryCounter) {
  iris_flow_value value{};
  value.first_seen_ns = 5'000'000;
  value.last_seen_ns = 6'000'000;
  value.originator_bytes = 1;
  value.responder_bytes = 2;
  value.originator_packets = 3;
  value.responder_packets = 4;
  value.opened = 5;
  value.established = 6;
  value.closed = 7;
  value.active = 8;
  value.retransmits = 9;
  value.rtt_sum_us = 30;
  value.rtt_count = 4;
  value.rtt_min_us = 2;
  value.rtt_max_us = 20;
  for (std::uint32_t i = 0; i < IRIS_FAILURES; ++i) value.failed[i] = 10 + i;
  std::memcpy(value.local_address, address("198.51.100.2").bytes.data(), 16);
  value.pre_existing = 1;
  std::memset(value.comms[0], 'a', sizeof value.comms[0]);
  std::memcpy(value.comms[1], "curl", 4);
  const auto flow = translate(key("203.0.113.9"), value);
  EXPECT_EQ(flow.window_start_wall_ns, 10'000'000u);
  EXPECT_EQ(flow.window_end_wall_ns, 20'000'000u);
  EXPECT_EQ(flow.first_seen_wall_ns, 6'000'000u);
  EXPECT_EQ(flow.last_seen_wall_ns, 7'000'000u);
  EXPECT_EQ(flow.originator_bytes, 1u);
  EXPECT_EQ(flow.responder_bytes, 2u);
  EXPECT_EQ(flow.originator_packets, 3u);
  EXPECT_EQ(flow.responder_packets, 4u);
  EXPECT_EQ(flow.opened, 5u);
  EXPECT_EQ(flow.established, 6u);
  EXPECT_EQ(flow.closed, 7u);
  EXPECT_EQ(flow.active, 8u);
  EXPECT_EQ(flow.retransmits, 9u);
  ASSERT_TRUE(flow.rtt_us);
  EXPECT_EQ(flow.rtt_us->min_us, 2u);
  EXPECT_EQ(flow.rtt_us->mean_us, 7u);
  EXPECT_EQ(flow.rtt_us->max_us, 20u);
  EXPECT_THAT(flow.failed, ElementsAre(10, 11, 12, 13, 14, 15));
  EXPECT_EQ(flow.local_address, address("198.51.100.2"));
  EXPECT_EQ(flow.peer_address, address("203.0.113.9"));
  EXPECT_EQ(flow.service_port, 443);
  EXPECT_EQ(flow.owner->name, "modbus");
  EXPECT_THAT(flow.peer_names, ElementsAre("hub.example"));
  EXPECT_THAT(flow.processes, ElementsAre(std::string(16, 'a'), "curl"));
  EXPECT_TRUE(flow.pre_existing);
  EXPECT_FALSE(flow.folded);
}

TEST(FlowTranslator, WithoutSampleNoRtt) {
  EXPECT_FALSE(translate(key("203.0.113.9"), {}).rtt_us);
}

TEST(FlowTranslator, ScopeIsTheNearestThatHolds) {
  const auto scope = [](const char* peer) { return translate(key(peer), {}).scope; };
  EXPECT_EQ(scope("127.0.0.1"), flow::Scope::loopback);
  EXPECT_EQ(scope("::1"), flow::Scope::loopback);
  EXPECT_EQ(scope("0.0.0.0"), flow::Scope::loopback);
  EXPECT_EQ(scope("198.51.100.1"), flow::Scope::host);
  EXPECT_EQ(scope("10.0.0.5"), flow::Scope::container);
  EXPECT_EQ(scope("10.0.0.6"), flow::Scope::site);
  EXPECT_EQ(scope("203.0.113.9"), flow::Scope::external);
}

TEST(FlowTranslator, PeerThatIsAContainerIsNamed) {
  EXPECT_EQ(translate(key("10.0.0.5"), {}).peer_owner->name, "modbus");
  EXPECT_EQ(translate(key("10.0.0.6"), {}).peer_owner, nullptr);
}

TEST(FlowTranslator, FoldedHasNoPeer) {
  iris_flow_key folded = key("::");
  folded.folded = 1;
  iris_flow_value value{};
  std::memcpy(value.local_address, address("198.51.100.2").bytes.data(), 16);
  const auto flow = translate(folded, value);
  EXPECT_TRUE(flow.folded);
  EXPECT_FALSE(flow.peer_address);
  EXPECT_FALSE(flow.local_address);
  EXPECT_THAT(flow.peer_names, IsEmpty());
}

TEST(FlowTranslator, AttributionIsTheKernelsUnlessTheOwnerIsUnknown) {
  const auto attribution = [](std::uint64_t id, std::uint8_t seen) {
    iris_flow_value value{};
    value.attribution = seen;
    return translate(key("203.0.113.9", id), value).attribution;
  };
  EXPECT_EQ(attribution(kModule, IRIS_ATTRIBUTION_EXACT), flow::Attribution::exact);
  EXPECT_EQ(attribution(kModule, IRIS_ATTRIBUTION_SOCKET), flow::Attribution::socket);
  EXPECT_EQ(attribution(kModule, IRIS_ATTRIBUTION_UNKNOWN), flow::Attribution::unknown);
  EXPECT_EQ(attribution(kNameless, IRIS_ATTRIBUTION_EXACT), flow::Attribution::cgroup);
  EXPECT_EQ(attribution(kGone, IRIS_ATTRIBUTION_EXACT), flow::Attribution::unknown);
  EXPECT_EQ(attribution(0, IRIS_ATTRIBUTION_EXACT), flow::Attribution::unknown);
}

TEST(FlowTranslator, HostAddressesIncludeLoopback) {
  EXPECT_TRUE(read_host_addresses().contains(address("127.0.0.1")));
}

}  // namespace
}  // namespace iris::pipeline
