// SPDX-License-Identifier: Apache-2.0
#include "pipeline/dns_cache.h"

#include <gmock/gmock.h>

namespace iris::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;

base::IpAddress address(unsigned number) {
  base::IpAddress made = *base::IpAddress::parse("203.0.113.0");
  made.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  made.bytes[15] = static_cast<std::uint8_t>(number);
  return made;
}

DnsAnswer answer(const std::string& name, unsigned number, std::uint32_t ttl = 60) {
  return {name, 0, {address(number)}, ttl};
}

TEST(DnsCache, NamesAreTheOwnersOwn) {
  DnsCache cache;
  cache.add(1, answer("hub.example", 9), 0);
  EXPECT_THAT(cache.names(1, address(9), 0), ElementsAre("hub.example"));
  EXPECT_THAT(cache.names(2, address(9), 0), IsEmpty());
  EXPECT_THAT(cache.names(1, address(8), 0), IsEmpty());
}

TEST(DnsCache, NewestNameFirstAndEachOnce) {
  DnsCache cache;
  cache.add(1, answer("a.example", 9), 0);
  cache.add(1, answer("b.example", 9), 0);
  cache.add(1, answer("a.example", 9), 0);
  EXPECT_THAT(cache.names(1, address(9), 0), ElementsAre("a.example", "b.example"));
}

TEST(DnsCache, LivesTenMinutesAtLeastAndADayAtMost) {
  DnsCache cache;
  cache.add(1, answer("short.example", 1, 5), 0);
  cache.add(1, answer("long.example", 2, UINT32_MAX), 0);
  EXPECT_THAT(cache.names(1, address(1), 599 * kSecond), ElementsAre("short.example"));
  EXPECT_THAT(cache.names(1, address(1), 601 * kSecond), IsEmpty());
  EXPECT_THAT(cache.names(1, address(2), 86'000 * kSecond), ElementsAre("long.example"));
  EXPECT_THAT(cache.names(1, address(2), 86'401 * kSecond), IsEmpty());
}

TEST(DnsCache, BoundedForEachOwner) {
  DnsCache cache({.owners = 4, .addresses_of_owner = 10, .addresses = 1000, .names_of_address = 2});
  for (unsigned i = 0; i < 100; ++i) cache.add(1, answer("x.example", i), 0);
  EXPECT_EQ(cache.size(), 10u);
  EXPECT_THAT(cache.names(1, address(99), 0), ElementsAre("x.example"));
  EXPECT_THAT(cache.names(1, address(89), 0), IsEmpty());
  for (int i = 0; i < 100; ++i) cache.add(1, answer(std::to_string(i) + ".example", 99), 0);
  EXPECT_THAT(cache.names(1, address(99), 0), ElementsAre("99.example", "98.example"));
}

TEST(DnsCache, FloodToOneOwnerLeavesTheOthersTheirs) {
  DnsCache cache({.owners = 4, .addresses_of_owner = 100, .addresses = 20, .names_of_address = 2});
  cache.add(1, answer("quiet.example", 5), 0);
  for (unsigned i = 0; i < 500; ++i) cache.add(2, answer("flood.example", i), 0);
  EXPECT_EQ(cache.size(), 20u);
  EXPECT_THAT(cache.names(1, address(5), 0), ElementsAre("quiet.example"));
  // The newcomer gets its place from the one that has most.
  cache.add(3, answer("late.example", 6), 0);
  EXPECT_EQ(cache.size(), 20u);
  EXPECT_THAT(cache.names(3, address(6), 0), ElementsAre("late.example"));
}

TEST(DnsCache, BoundedInOwners) {
  DnsCache cache({.owners = 2, .addresses_of_owner = 10, .addresses = 100, .names_of_address = 2});
  cache.add(1, answer("x.example", 1), 0);
  cache.add(2, answer("x.example", 1), 0);
  cache.add(1, answer("x.example", 2), 0);
  cache.add(3, answer("x.example", 1), 0);  // 2 is the one not used longest
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_THAT(cache.names(2, address(1), 0), IsEmpty());
  EXPECT_THAT(cache.names(1, address(1), 0), ElementsAre("x.example"));
}

TEST(DnsCache, AnswerWithoutAddressTakesNoPlace) {
  DnsCache cache;
  cache.add(1, {"gone.example", 3, {}, 0}, 0);
  cache.add(1, {std::string(300, 'x'), 0, {address(1)}, 0}, 0);
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace iris::pipeline
