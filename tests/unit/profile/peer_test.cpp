// SPDX-License-Identifier: Apache-2.0
#include "profile/peer.h"

#include <gtest/gtest.h>

#include "observations.h"
#include "profile/domain.h"

namespace iris::profile {
namespace {

using testing::kStart;
using testing::outbound;

TEST(RegistrableDomain, IsWhatOnePartyRegistered) {
  EXPECT_EQ(registrable_domain("a.b.Example.ORG."), "example.org");
  EXPECT_EQ(registrable_domain("iot.example.co.uk"), "example.co.uk");
  EXPECT_EQ(registrable_domain("printer"), "printer");
  // Strangers live side by side below a cloud's own suffix.
  EXPECT_EQ(registrable_domain("x.mine.azurewebsites.net"), "mine.azurewebsites.net");
}

TEST(Peer, IsWhatItIsBeforeWhereItIs) {
  auto record = outbound(kStart, "198.51.100.7", 443, "eu.mqtt.example.org");
  record.scope = flow::Scope::external;
  EXPECT_EQ(identify_peer(record).kind, PeerKind::name);
  EXPECT_EQ(identify_peer(record).label, "example.org");
  auto moved = outbound(kStart, "203.0.113.200", 443, "us.mqtt.example.org");
  moved.scope = flow::Scope::external;
  EXPECT_EQ(identify_peer(moved).hash, identify_peer(record).hash);
  record.peer_names.clear();
  EXPECT_EQ(identify_peer(record).label, "198.51.0.0/16");
  record.peer_device = "gw1/thermostat";
  EXPECT_EQ(identify_peer(record).kind, PeerKind::device);
  flow::Owner module;
  module.kind = flow::OwnerKind::container;
  module.module_id = "modbus1";
  record.peer_owner = std::make_shared<const flow::Owner>(module);
  EXPECT_EQ(identify_peer(record).label, "modbus1");
}

TEST(Peer, TimeServersAreOneAndATunnelOnTheirPortIsNot) {
  auto time = outbound(kStart, "198.51.100.7", 123);
  time.protocol = 17;
  time.scope = flow::Scope::external;
  time.originator_packets = time.responder_packets = 1;
  time.originator_bytes = time.responder_bytes = 48;
  auto other = time;
  other.peer_address = base::IpAddress::parse("203.0.113.9");
  EXPECT_EQ(identify_peer(time).hash, identify_peer(other).hash);
  other.originator_bytes = 1200;
  EXPECT_EQ(identify_peer(other).kind, PeerKind::network);
}

TEST(Observation, UdpWithoutAnAnswerHasFailed) {
  auto record = outbound(kStart, "198.51.100.7", 5000);
  record.protocol = 17;
  record.established = 0;
  EXPECT_GT(observe(record).answered, 0u);
  record.responder_packets = record.responder_bytes = 0;
  EXPECT_EQ(observe(record).answered, 0u);
  EXPECT_EQ(observe(record).failures, 1u);
}

TEST(Observation, ADeviceBehindTheGatewayIsOfTheSiteWhateverItsAddress) {
  auto record = outbound(kStart, "198.51.100.7", 502);
  record.scope = flow::Scope::external;
  EXPECT_EQ(observe(record).reach, Reach::external);
  record.peer_device = "gw1/modbus1/meter";
  EXPECT_EQ(observe(record).reach, Reach::site);
}

TEST(Observation, TheDeviceSeesItTheOtherWayRound) {
  auto record = outbound(kStart, "10.0.0.9", 502);
  const auto mirrored = observe_from_peer(record);
  EXPECT_EQ(mirrored.role, flow::Role::responder);
  EXPECT_EQ(mirrored.bytes_in, record.originator_bytes);
  EXPECT_EQ(mirrored.bytes_out, record.responder_bytes);
}

}  // namespace
}  // namespace iris::profile
