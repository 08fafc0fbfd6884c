// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <random>

#include "emulators/iot_hub/query.h"

namespace iris::iot_hub_emulator {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(QueryHostile, WhatIsNotInTheSubsetIsAnError) {
  for (const auto* text :
       {"", "SELECT", "SELECT *", "SELECT * FROM", "SELECT * FROM nowhere", "SELECT * FROM devices.jobs", "SELECT FROM devices",
        "SELECT * FROM devices WHERE", "SELECT * FROM devices WHERE =", "SELECT * FROM devices WHERE a =",
        "SELECT * FROM devices WHERE a = 1 b", "SELECT * FROM devices WHERE (a = 1", "SELECT * FROM devices WHERE a IN []",
        "SELECT * FROM devices WHERE a IN ['x'", "SELECT * FROM devices WHERE a IN 'x'", "SELECT * FROM devices WHERE a IN [b]",
        "SELECT * FROM devices WHERE f(a)", "SELECT * FROM devices WHERE is_defined(1)", "SELECT * FROM devices WHERE is_defined(a, b)",
        "SELECT * FROM devices WHERE is_defined(a", "SELECT * FROM devices ORDER BY a", "SELECT * FROM devices d WHERE d.a = 1",
        "SELECT * FROM devices; DROP", "SELECT * FROM devices WHERE a = 'x", "SELECT * FROM devices WHERE a = 'x\\",
        "SELECT * FROM devices WHERE a = 1e", "SELECT * FROM devices WHERE a = 1x", "SELECT * FROM devices WHERE a = 1e999",
        "SELECT * FROM devices WHERE a..b = 1", "SELECT TOP x * FROM devices", "SELECT TOP 99999999999 * FROM devices",
        "SELECT count() AS n, a FROM devices", "SELECT a AS from FROM devices", "SELECT count( FROM devices",
        "UPDATE devices", "SELECT * FROM devices WHERE a = b = c", "SELECT * FROM devices WHERE not", "\xff\xfe"}) {
    EXPECT_FALSE(parse_query(text)) << text;
  }
}

TEST(QueryHostile, LengthIsBounded) {
  const std::string start = "SELECT * FROM devices WHERE a = '";
  const auto fill = kMaxQueryCharacters - start.size() - 1;
  EXPECT_TRUE(parse_query(start + repeated("x", fill) + "'"));
  EXPECT_FALSE(parse_query(start + repeated("x", fill + 1) + "'"));
}

TEST(QueryHostile, DepthIsBounded) {
  const std::string start = "SELECT * FROM devices WHERE ";
  EXPECT_TRUE(parse_query(start + repeated("(", 20) + "a = 1" + repeated(")", 20)));
  EXPECT_FALSE(parse_query(start + repeated("(", 3'000) + "a = 1" + repeated(")", 3'000)));
  EXPECT_FALSE(parse_query(start + repeated("NOT ", 1'500) + "a = 1"));
  EXPECT_FALSE(parse_query(start + repeated("is_null(", 900) + "a" + repeated(")", 900)));
}

TEST(QueryHostile, LongChainsAreFine) {
  const auto query = parse_query("SELECT * FROM devices WHERE a = 0" + repeated(" OR a=1", 1'100));
  ASSERT_TRUE(query);
  EXPECT_TRUE(matches(*query, {{"a", 1}}));
  EXPECT_FALSE(matches(*query, {{"a", 2}}));
}

TEST(QueryHostile, CutsAndFlipsOfAQueryNeverCrash) {
  const std::string good =
      R"(SELECT TOP 3 deviceId, tags['a'] AS b FROM devices.modules WHERE NOT (a.b IN ['x\u00e9', -1.5e3, null]) AND is_defined(c) OR d <> "q")";
  ASSERT_TRUE(parse_query(good));
  const nlohmann::json twin = {{"a", {{"b", "x"}}}, {"c", 1}};
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    auto text = good.substr(0, random() % (good.size() + 1));
    for (unsigned flips = random() % 4; flips > 0 && !text.empty(); --flips) text[random() % text.size()] = static_cast<char>(random());
    if (const auto query = parse_query(text)) matches(*query, twin);
  }
}

}  // namespace
}  // namespace iris::iot_hub_emulator
