// SPDX-License-Identifier: Apache-2.0
#include "rest/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iris::rest {
namespace {

using Given = std::multimap<std::string, std::string>;
using ::testing::HasSubstr;

base::Result<Parameters> parse(const Given& given) {
  return parse_parameters(given, {"gateway", "owner", "from", "to", "peer", "port", "limit", "offset"});
}

TEST(Parameters, DefaultsAreThoseOfTheContract) {
  const auto parameters = parse({});
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->flows.limit, 1'000U);
  EXPECT_EQ(parameters->flows.offset, 0U);
  EXPECT_EQ(parameters->flows.range.end_wall_ns, UINT64_MAX);
  EXPECT_FALSE(parameters->flows.peer);
}

TEST(Parameters, TakesEveryFilter) {
  const auto parameters = parse({{"gateway", "plant-7"},
                                 {"owner", "modbus"},
                                 {"from", "1970-01-01T00:00:01Z"},
                                 {"to", "1970-01-01T01:00:02+01:00"},
                                 {"peer", "198.51.100.0/24"},
                                 {"port", "502"},
                                 {"limit", "10000"},
                                 {"offset", "1000000"}});
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->gateway, "plant-7");
  EXPECT_EQ(parameters->flows.owner, "modbus");
  EXPECT_EQ(parameters->flows.range.start_wall_ns, 1'000'000'000U);
  EXPECT_EQ(parameters->flows.range.end_wall_ns, 2'000'000'000U);
  EXPECT_TRUE(parameters->flows.peer->contains(*base::IpAddress::parse("198.51.100.200")));
  EXPECT_EQ(parameters->flows.port, 502);
  EXPECT_EQ(parameters->flows.limit, 10'000U);
}

TEST(Parameters, EveryBadValueIsNamed) {
  const std::pair<const char*, const char*> bad[] = {
      {"limit", "0"},         {"limit", "10001"},  {"limit", "-1"},        {"limit", ""},     {"limit", "5x"},
      {"limit", "1e3"},       {"limit", " 5"},     {"limit", "99999999999999999999999"},      {"offset", "-1"},
      {"offset", "1000001"},  {"port", "0"},       {"port", "65536"},      {"port", "http"},  {"peer", ""},
      {"peer", "300.1.1.1"},  {"peer", "::/129"},  {"peer", "1.2.3.4/33"}, {"from", "today"}, {"to", "2026-13-01T00:00:00Z"},
      {"from", "2026-01-01"}, {"gateway", ""},     {"owner", ""}};
  for (const auto& [name, value] : bad) {
    const auto parameters = parse({{name, value}});
    ASSERT_FALSE(parameters) << name << "=" << value;
    EXPECT_THAT(parameters.error().message, HasSubstr(name));
  }
  EXPECT_FALSE(parse({{"owner", std::string(1'025, 'x')}}));
}

TEST(Parameters, RefusesUnknownDoubledAndContradicting) {
  EXPECT_FALSE(parse({{"colour", "red"}}));
  EXPECT_FALSE(parse({{"limit", "5"}, {"limit", "5"}}));
  EXPECT_FALSE(parse({{"from", "2026-01-02T00:00:00Z"}, {"to", "2026-01-01T00:00:00Z"}}));
  EXPECT_FALSE(parse_parameters({{"peer", "::1"}}, {"gateway"}));
}

}  // namespace
}  // namespace iris::rest
