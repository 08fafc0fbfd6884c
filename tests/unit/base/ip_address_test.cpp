// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace iris::base {
namespace {

TEST(IpAddress, KeepsTextOfBothFamilies) {
  for (const char* text : {"0.0.0.0", "198.51.100.7", "255.255.255.255", "::", "::1", "2001:db8::5:1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
  for (const char* text : {"", "1.2.3", "256.1.1.1", "1.2.3.4/8", "fe80::1%eth0", "localhost"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, KnowsWhatIsNotRoutedOnTheInternet) {
  for (const char* text : {"10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.0.9", "100.64.0.1", "fd00::1", "fe80::1",
                           "ff02::fb", "224.0.0.251"}) {
    EXPECT_TRUE(IpAddress::parse(text)->is_site_local()) << text;
  }
  for (const char* text : {"172.32.0.1", "198.51.100.1", "100.128.0.1", "2001:db8::1", "ff0e::1"}) {
    EXPECT_FALSE(IpAddress::parse(text)->is_site_local()) << text;
  }
}

TEST(Cidr, HoldsItsAddressesAndNoOthers) {
  const auto block = Cidr::parse("198.51.100.128/25");
  ASSERT_TRUE(block);
  EXPECT_TRUE(block->contains(*IpAddress::parse("198.51.100.129")));
  EXPECT_FALSE(block->contains(*IpAddress::parse("198.51.100.127")));
  EXPECT_FALSE(block->contains(*IpAddress::parse("2001:db8::1")));

  const auto v6 = Cidr::parse("2001:db8::/33");
  ASSERT_TRUE(v6);
  EXPECT_TRUE(v6->contains(*IpAddress::parse("2001:db8:7fff::1")));
  EXPECT_FALSE(v6->contains(*IpAddress::parse("2001:db8:8000::1")));

  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("::1")));
}

TEST(Cidr, RefusesWhatIsNotABlock) {
  for (const char* text : {"", "/24", "198.51.100.0/33", "198.51.100.0/", "198.51.100.0/-1", "2001:db8::/129", "a/8"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

}  // namespace
}  // namespace iris::base
