// SPDX-License-Identifier: Apache-2.0
#include "identity/text.h"

#include <gtest/gtest.h>

namespace iris::identity {
namespace {

TEST(Text, BoundedCutsBetweenCharactersAndMendsThem) {
  EXPECT_EQ(bounded("abc", 2), "ab");
  EXPECT_EQ(bounded("a\xc3\xa4", 2), "a");
  EXPECT_EQ(bounded("a\xc3\xa4", 3), "a\xc3\xa4");
  EXPECT_EQ(bounded("a\xff\x1b[2J\x7f"), "a\xef\xbf\xbd?[2J?");
  EXPECT_EQ(bounded("\xc2\x9b"), "?") << "CSI in one character";
}

TEST(Text, HubIdsMayHoldEveryAllowedCharacter) {
  EXPECT_TRUE(is_hub_id("abcXYZ019-.+%_#*?!(),=@$'"));
  EXPECT_TRUE(is_hub_id("$edgeAgent"));
  EXPECT_TRUE(is_hub_id(std::string(128, 'a')));
  for (const std::string& bad : {std::string(), std::string(129, 'a'), std::string("a b"), std::string("a/b"), std::string("a:b"),
                                 std::string("a\nb"), std::string("\xc3\xa4"), std::string("a\0", 2), std::string("a\"b")}) {
    EXPECT_FALSE(is_hub_id(bad)) << bad;
  }
}

TEST(Text, Patterns) {
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("acme/S7-*", "Acme/s7-reader"));
  EXPECT_TRUE(matches_pattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(matches_pattern("a*b", "aXbY"));
  EXPECT_FALSE(matches_pattern("", "a"));
  EXPECT_FALSE(matches_pattern("ab", "abc"));
  EXPECT_FALSE(matches_pattern(std::string(200, '*') + "x", std::string(5000, 'a'))) << "and quickly";
}

TEST(Text, Numbers) {
  EXPECT_EQ(parse_number(" 502 "), 502);
  EXPECT_EQ(parse_number("0xBAC0"), 47808);
  EXPECT_EQ(parse_number("-1"), -1);
  for (const char* bad : {"", "0x", "5a", "1.5", "0x-5", "99999999999999999999"}) EXPECT_FALSE(parse_number(bad)) << bad;
}

TEST(Text, Times) {
  const std::uint64_t time = parse_time("2030-01-02T03:04:05Z");
  EXPECT_EQ(time, 1'893'553'445'000'000'000U);
  EXPECT_EQ(parse_time("2030-01-02T03:04:05"), time) << "the Z is not always there";
  EXPECT_EQ(parse_time("2030-01-02T03:04:05.6780000Z"), time + 678'000'000);
  EXPECT_EQ(parse_time("2030-01-02T04:04:05+01:00"), time);
  for (const char* none : {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00", "", "soon", "2030-13-01T00:00:00Z"}) EXPECT_EQ(parse_time(none), 0U) << none;
}

}  // namespace
}  // namespace iris::identity
