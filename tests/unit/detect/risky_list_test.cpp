// SPDX-License-Identifier: Apache-2.0
#include "detect/risky_list.h"

#include <gtest/gtest.h>

namespace iris::detect {
namespace {

profile::Observation towards(const char* address, std::uint16_t port) {
  profile::Observation seen;
  seen.protocol = 6;
  seen.port = port;
  seen.address = base::IpAddress::parse(address);
  seen.reach = profile::Reach::external;
  return seen;
}

TEST(RiskyList, MatchesPortsAddressesNamesAndProcesses) {
  const auto list = RiskyList::parse(
      "# comment\n"
      "port tcp 6660-6669 external high IRC\n"
      "address 203.0.113.0/24 critical botnet\n"
      "address 198.51.100.7 low known scanner   # measured\n"
      "name Pool.Example.org medium mining pool\n\n"
      "process xmrig high miner\n");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->match(towards("192.0.2.1", 6667), {})->reason, "IRC");
  EXPECT_EQ(list->match(towards("192.0.2.1", 6670), {}), nullptr);
  EXPECT_EQ(list->match(towards("203.0.113.9", 443), {})->severity, Severity::critical);
  EXPECT_EQ(list->match(towards("198.51.100.7", 443), {})->reason, "known scanner");
  EXPECT_EQ(list->match(towards("192.0.2.1", 443), {"eu.pool.example.ORG"})->reason, "mining pool");
  EXPECT_EQ(list->match(towards("192.0.2.1", 443), {"notpool.example.org"}), nullptr);
  EXPECT_EQ(list->match_process("/tmp/.x/XMRig")->severity, Severity::high);
  EXPECT_EQ(list->match_process("/usr/bin/modbusd"), nullptr);
}

TEST(RiskyList, NamesEveryFaultyLine) {
  const auto list = RiskyList::parse(
      "port tcp 99999 external high x\nport tcp 23 external high ok\naddress 1.2.3 high\nname\nbad\nprocess x "
      "terrible\n");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().message, "not understood: line 1, 3, 4, 5, 6");
}

TEST(RiskyList, TheBuiltInOneParses) {
  EXPECT_NE(RiskyList::builtin().match(towards("192.0.2.1", 23), {}), nullptr);
  auto site = towards("10.0.0.1", 23);
  site.reach = profile::Reach::site;
  EXPECT_EQ(RiskyList::builtin().match(site, {}), nullptr);
}

}  // namespace
}  // namespace iris::detect
