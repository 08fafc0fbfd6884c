// SPDX-License-Identifier: Apache-2.0
#include "neighbours/netlink_dump.h"

#include <gmock/gmock.h>

#include <random>

#include "netlink_messages.h"

namespace iris::neighbours {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

struct Parsed {
  DumpState state;
  std::vector<NeighbourEntry> entries;
  std::uint64_t skipped = 0;
};
Parsed parsed(const Datagram& bytes, std::size_t max = 100) {
  Parsed result{};
  result.state = parse_neighbours(bytes, kSequence, max, result.entries, result.skipped);
  return result;
}

TEST(NetlinkDump, NeighboursOfBothFamilies) {
  const auto result = parsed(with_mac(neighbour("198.51.100.7"), 0xb7).bytes() + with_mac(neighbour("2001:db8::7", NUD_STALE, NTF_ROUTER, 4), 0xb8).bytes());
  EXPECT_EQ(result.state, DumpState::more);
  EXPECT_THAT(result.entries, ElementsAre(NeighbourEntry{ip("198.51.100.7"), "00:1b:44:11:3a:b7", 3, false},
                                          NeighbourEntry{ip("2001:db8::7"), "00:1b:44:11:3a:b8", 4, true}));
  EXPECT_EQ(parsed(done().bytes()).state, DumpState::done);
}

TEST(NetlinkDump, WhoNeverAnsweredIsNoNeighbour) {
  for (const std::uint16_t state : {NUD_NONE, NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP}) {
    EXPECT_THAT(parsed(with_mac(neighbour("198.51.100.7", state), 1).bytes()).entries, IsEmpty()) << state;
  }
  for (const std::uint16_t state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT}) {
    EXPECT_EQ(parsed(with_mac(neighbour("198.51.100.7", state), 1).bytes()).entries.size(), 1U) << state;
  }
  EXPECT_THAT(parsed(neighbour("198.51.100.7", NUD_PERMANENT, NTF_PROXY).bytes()).entries, IsEmpty());
}

TEST(NetlinkDump, WhatIsNoHost) {
  for (const char* text : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "ff02::1", "::", "::1"}) {
    EXPECT_THAT(parsed(neighbour(text).bytes()).entries, IsEmpty()) << text;
  }
}

TEST(NetlinkDump, LinksWithoutMacsAndGroupsAsMacs) {
  EXPECT_EQ(parsed(neighbour("198.51.100.7").bytes()).entries.at(0).mac, "");
  EXPECT_EQ(parsed(neighbour("198.51.100.7").attribute(NDA_LLADDR, {1, 2, 3, 4}).bytes()).entries.at(0).mac, "");
  EXPECT_EQ(parsed(neighbour("198.51.100.7").attribute(NDA_LLADDR, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).bytes()).entries.at(0).mac, "");
}

TEST(NetlinkDump, IsBoundedAndCounts) {
  Datagram all;
  for (int i = 1; i <= 10; ++i) all = all + neighbour("198.51.100." + std::to_string(i)).bytes();
  const auto result = parsed(all, 4);
  EXPECT_EQ(result.entries.size(), 4U);
  EXPECT_EQ(result.skipped, 6U);
}

TEST(NetlinkDump, AnswersToAnotherQuestionAreLeftOut) {
  const auto result = parsed(neighbour("198.51.100.7").sequence(6).bytes() + done().sequence(6).bytes() + neighbour("198.51.100.8").bytes());
  EXPECT_EQ(result.state, DumpState::more);
  ASSERT_EQ(result.entries.size(), 1U);
  EXPECT_EQ(result.entries[0].address, ip("198.51.100.8"));
}

TEST(NetlinkDump, InterruptedAndRefused) {
  EXPECT_EQ(parsed(neighbour("198.51.100.7").flags(NLM_F_MULTI | NLM_F_DUMP_INTR).bytes()).state, DumpState::interrupted);
  EXPECT_EQ(parsed(Message(NLMSG_ERROR, nlmsgerr{}).bytes()).state, DumpState::failed);
}

TEST(NetlinkDump, LengthsThatLie) {
  const Datagram good = with_mac(neighbour("198.51.100.7"), 1).bytes();
  for (const std::uint32_t length : {0U, 1U, 15U, 4096U, 0xffffffffU, 0x7fffffffU}) {
    Datagram bad = good;
    std::memcpy(bad.data(), &length, sizeof length);
    EXPECT_EQ(parsed(bad).state, DumpState::malformed) << length;
  }
  for (const std::uint16_t length : {0, 3, 0xffff}) {  // of the first attribute
    Datagram bad = good;
    std::memcpy(bad.data() + sizeof(nlmsghdr) + sizeof(ndmsg), &length, sizeof length);
    EXPECT_THAT(parsed(bad).entries, IsEmpty()) << length;
  }
  // A message that ends inside its fixed part.
  Datagram shorter(good.begin(), good.begin() + sizeof(nlmsghdr) + 4);
  const auto length = static_cast<std::uint32_t>(shorter.size());
  std::memcpy(shorter.data(), &length, sizeof length);
  EXPECT_THAT(parsed(shorter).entries, IsEmpty());
  EXPECT_EQ(parsed(Datagram(3)).state, DumpState::malformed);
  EXPECT_EQ(parsed({}).state, DumpState::more);
}

TEST(NetlinkDump, AnyBytesDoNoHarm) {
  std::mt19937 random(2026);
  const Datagram good = with_mac(neighbour("198.51.100.7"), 1).bytes() + with_mac(neighbour("2001:db8::7"), 2).bytes() + done().bytes();
  for (int round = 0; round < 20'000; ++round) {
    Datagram bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(random() % (good.size() + 1)));
    for (unsigned i = random() % 8; i > 0 && !bytes.empty(); --i) bytes[random() % bytes.size()] = std::byte{static_cast<unsigned char>(random())};
    EXPECT_LE(parsed(bytes).entries.size(), 2U);
    std::set<base::IpAddress> addresses;
    parse_addresses(bytes, kSequence, 10, addresses);
    parse_gateways(bytes, kSequence, 10, addresses);
  }
}

TEST(NetlinkDump, OwnAddresses) {
  ifaddrmsg v4{};
  v4.ifa_family = AF_INET;
  ifaddrmsg v6{};
  v6.ifa_family = AF_INET6;
  const auto bytes = Message(RTM_NEWADDR, v4).address(IFA_ADDRESS, "198.51.100.2").address(IFA_LOCAL, "198.51.100.1").bytes() +
                     Message(RTM_NEWADDR, v6).address(IFA_ADDRESS, "2001:db8::1").bytes();
  std::set<base::IpAddress> own;
  EXPECT_EQ(parse_addresses(bytes, kSequence, 10, own), DumpState::more);
  EXPECT_THAT(own, UnorderedElementsAre(ip("198.51.100.1"), ip("2001:db8::1")));
  std::set<base::IpAddress> few;
  parse_addresses(bytes, kSequence, 1, few);
  EXPECT_EQ(few.size(), 1U);
}

TEST(NetlinkDump, GatewaysOfPlainAndMultipathRoutes) {
  rtmsg fixed{};
  fixed.rtm_family = AF_INET;
  rtnexthop hop{};
  hop.rtnh_len = sizeof hop + 8;
  Datagram hops;
  for (const unsigned char last : {3, 4}) {
    put(hops, hop);
    put(hops, nlattr{8, RTA_GATEWAY});
    for (const unsigned char one : {198, 51, 100}) hops.push_back(std::byte{one});
    hops.push_back(std::byte{last});
  }
  std::vector<unsigned char> value;
  for (const std::byte one : hops) value.push_back(std::to_integer<unsigned char>(one));
  std::set<base::IpAddress> gateways;
  EXPECT_EQ(parse_gateways(Message(RTM_NEWROUTE, fixed).address(RTA_GATEWAY, "198.51.100.2").bytes() +
                               Message(RTM_NEWROUTE, fixed).attribute(RTA_MULTIPATH, value).bytes(),
                           kSequence, 10, gateways),
            DumpState::more);
  EXPECT_THAT(gateways, UnorderedElementsAre(ip("198.51.100.2"), ip("198.51.100.3"), ip("198.51.100.4")));
}

}  // namespace
}  // namespace iris::neighbours
