// SPDX-License-Identifier: Apache-2.0
#include "pipeline/dns_answer.h"

#include <gmock/gmock.h>

#include <random>

#include "dns_message.h"

namespace iris::pipeline {
namespace {

using test_support::Bytes;
using test_support::DnsMessage;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

base::IpAddress address(const char* text) { return *base::IpAddress::parse(text); }

TEST(DnsAnswer, GivesAddressesOfTheQuestion) {
  const Bytes v6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
  const auto answer = parse_dns_answer(
      DnsMessage("hub.example").a("hub.example", 9, 300).a("HUB.example", 10, 60).record("hub.example", 28, 90, v6).bytes());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->question_name, "hub.example");
  EXPECT_EQ(answer->response_code, 0);
  EXPECT_THAT(answer->addresses, ElementsAre(address("203.0.113.9"), address("203.0.113.10"), address("2001:db8::9")));
  EXPECT_EQ(answer->ttl_seconds, 60u);
}

TEST(DnsAnswer, FollowsAliasesInAnyOrder) {
  const auto answer = parse_dns_answer(DnsMessage("hub.example")
                                           .a("edge.example", 9)
                                           .cname("cdn.example", "edge.example")
                                           .cname("hub.example", "cdn.example")
                                           .bytes());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->question_name, "hub.example");
  EXPECT_THAT(answer->addresses, ElementsAre(address("203.0.113.9")));
}

TEST(DnsAnswer, LeavesOutWhatWasNotAskedFor) {
  const auto answer = parse_dns_answer(DnsMessage("hub.example").a("other.example", 9).bytes());
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->addresses, IsEmpty());
}

TEST(DnsAnswer, AliasesInACircleEnd) {
  const auto answer = parse_dns_answer(
      DnsMessage("a.example").cname("a.example", "b.example").cname("b.example", "a.example").a("b.example", 1).bytes());
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->addresses, ElementsAre(address("203.0.113.1")));
}

TEST(DnsAnswer, TellsOfAFailure) {
  const auto answer = parse_dns_answer(DnsMessage("gone.example", 0x8183).bytes());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->response_code, 3);
  EXPECT_THAT(answer->addresses, IsEmpty());
}

TEST(DnsAnswer, CutOffGivesWhatIsWhole) {
  Bytes bytes = DnsMessage("hub.example").a("hub.example", 9).a("hub.example", 10).bytes();
  bytes.resize(bytes.size() - 1);
  const auto answer = parse_dns_answer(bytes);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->addresses, ElementsAre(address("203.0.113.9")));
}

TEST(DnsAnswer, OnlyAnswersToOneQuestion) {
  EXPECT_FALSE(parse_dns_answer(DnsMessage("hub.example", 0x0100).bytes()));  // a query
  EXPECT_FALSE(parse_dns_answer(DnsMessage("hub.example", 0xa180).bytes()));  // another opcode
  Bytes two = DnsMessage("hub.example").bytes();
  two[5] = 2;
  EXPECT_FALSE(parse_dns_answer(two));
  EXPECT_FALSE(parse_dns_answer({}));
  EXPECT_FALSE(parse_dns_answer(Bytes(12, 0)));
  EXPECT_FALSE(parse_dns_answer(Bytes(513, 0)));
}

TEST(DnsAnswer, AddressOfAWrongLengthIsNone) {
  const auto answer = parse_dns_answer(DnsMessage("hub.example").record("hub.example", 1, 60, {1, 2, 3}).bytes());
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->addresses, IsEmpty());
}

TEST(DnsAnswer, OddBytesInANameAreEscaped) {
  const auto answer = parse_dns_answer(DnsMessage("h\x1b[31m\xff.example").bytes());
  ASSERT_TRUE(answer);
  for (const char byte : answer->question_name) EXPECT_TRUE(byte >= 0x20 && byte < 0x7f) << answer->question_name;
}

// Under the address sanitizer this is the proof that nothing is read beyond.
TEST(DnsAnswer, SurvivesEveryCutAndManyChanges) {
  const Bytes whole =
      DnsMessage("hub.example").cname("hub.example", "edge.example").a("edge.example", 9).a("edge.example", 10).bytes();
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    parse_dns_answer(cut);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes changed = whole;
    for (int i = 0; i < 4; ++i) changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
    parse_dns_answer(changed);
  }
}

TEST(DnsAnswer, PointerToItselfEnds) {
  Bytes bytes = DnsMessage("hub.example").a("x", 1).bytes();
  const std::size_t name_at = DnsMessage("hub.example").bytes().size();
  bytes[name_at] = 0xc0;
  bytes[name_at + 1] = static_cast<std::uint8_t>(name_at);
  const auto answer = parse_dns_answer(bytes);
  if (answer) {
    EXPECT_THAT(answer->addresses, IsEmpty());
  }
}

}  // namespace
}  // namespace iris::pipeline
