// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "policy/prefix.h"

namespace iris::policy {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> merged(const std::vector<std::string>& texts) {
  std::vector<Prefix> prefixes;
  for (const auto& text : texts) prefixes.push_back(Prefix::parse(text).value());
  std::vector<std::string> out;
  for (const auto& prefix : merge(prefixes)) out.push_back(prefix.to_string());
  return out;
}

TEST(Prefix, ReadsWhatItWrites) {
  for (const char* text : {"198.51.100.7", "198.51.0.0/16", "2001:db8::1", "2001:db8::/32", "0.0.0.0/0", "::/0"})
    EXPECT_EQ(Prefix::parse(text).value().to_string(), text);
  EXPECT_EQ(Prefix::parse("198.51.100.7/24").value().to_string(), "198.51.100.0/24");
  EXPECT_EQ(Prefix::parse("198.51.100.7").value().to_cidr(), "198.51.100.7/32");
  EXPECT_EQ(Prefix::parse("2001:db8::1").value().to_cidr(), "2001:db8::1/128");
}

TEST(Prefix, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "group", "198.51.100.7/33", "198.51.100.7/", "198.51.100.7/-1", "2001:db8::/129", "1.2.3.4/2x"})
    EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Prefix, MergesOverlapsAndHalves) {
  EXPECT_THAT(merged({"198.51.100.7", "198.51.100.0/24", "198.51.100.7"}), ElementsAre("198.51.100.0/24"));
  EXPECT_THAT(merged({"198.51.100.6", "198.51.100.7"}), ElementsAre("198.51.100.6/31"));
  EXPECT_THAT(merged({"198.51.100.4", "198.51.100.5", "198.51.100.6", "198.51.100.7"}), ElementsAre("198.51.100.4/30"));
  EXPECT_THAT(merged({"198.51.100.7", "198.51.100.8"}), ElementsAre("198.51.100.7", "198.51.100.8"));
  EXPECT_THAT(merged({"2001:db8::1", "2001:db8::"}), ElementsAre("2001:db8::/127"));
}

TEST(Prefix, FamiliesStayApart) {
  EXPECT_THAT(merged({"::/0", "198.51.100.7"}), ElementsAre("::/0", "198.51.100.7"));
  EXPECT_THAT(merged({"0.0.0.0/1", "128.0.0.0/1"}), ElementsAre("0.0.0.0/0"));
}

TEST(Prefix, MergingKeepsTheSameAddresses) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Prefix> prefixes;
    for (int i = 0; i < 40; ++i) {
      const auto text = "10.0.0." + std::to_string(random() % 256) + "/" + std::to_string(26 + random() % 7);
      prefixes.push_back(Prefix::parse(text).value());
    }
    const auto result = merge(prefixes);
    for (int last = 0; last < 256; ++last) {
      const auto address = base::IpAddress::parse("10.0.0." + std::to_string(last)).value();
      const auto holds = [&](const Prefix& prefix) { return prefix.contains(address); };
      EXPECT_EQ(std::count_if(result.begin(), result.end(), holds),
                std::any_of(prefixes.begin(), prefixes.end(), holds) ? 1 : 0);
    }
    EXPECT_TRUE(std::is_sorted(result.begin(), result.end()));
  }
}

}  // namespace
}  // namespace iris::policy
