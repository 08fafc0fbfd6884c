// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/query.h"

#include <gmock/gmock.h>

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

const json kGateway = {{"deviceId", "gw1"}, {"connectionState", "Connected"}, {"capabilities", {{"iotEdge", true}}},
                       {"parentScopes", {"ms-azure-iot-edge://up-1", "other"}}, {"version", 7}, {"statusReason", nullptr},
                       {"tags", {{"site", "plant-a"}, {"note", "it's \"here\" \\ é😀"}, {"floor", 3}, {"a b", 1}, {"device", {{"x", 1}}}}}};

bool selects(const std::string& condition, const json& twin = kGateway) {
  const auto query = parse_query("SELECT * FROM devices WHERE " + condition);
  EXPECT_TRUE(query) << condition << ": " << (query ? "" : query.error().message);
  return query && matches(*query, twin);
}

TEST(Query, WithoutConditionTakesAll) {
  const auto query = parse_query("select * from devices");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->from, Query::Collection::devices);
  EXPECT_TRUE(query->whole_twins());
  EXPECT_TRUE(matches(*query, kGateway));
}

TEST(Query, NamesItsCollection) {
  const auto query = parse_query("SELECT * FROM Devices.Modules WHERE deviceId = 'gw1'");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->from, Query::Collection::modules);
  EXPECT_FALSE(query->names_module_id);
  EXPECT_TRUE(parse_query("SELECT * FROM devices.modules WHERE NOT devices.modules.moduleId = 'x'")->names_module_id);
}

TEST(Query, ComparesValuesOfOneType) {
  EXPECT_TRUE(selects("capabilities.iotEdge = true"));
  EXPECT_TRUE(selects("capabilities.iotEdge"));
  EXPECT_FALSE(selects("capabilities.iotEdge = 'true'"));
  EXPECT_TRUE(selects("version = 7.0"));
  EXPECT_TRUE(selects("7 = version"));
  EXPECT_TRUE(selects("version >= 7 AND version <= 7 and version > 6 AND version < 8"));
  EXPECT_FALSE(selects("version > 7"));
  EXPECT_FALSE(selects("version < 7"));
  EXPECT_TRUE(selects("version > -1e3"));
  EXPECT_TRUE(selects("version != 8 AND version <> 8"));
  EXPECT_FALSE(selects("version != 7"));
  EXPECT_TRUE(selects("deviceId > 'gw0'"));
  EXPECT_TRUE(selects("statusReason = null"));
}

TEST(Query, UndefinedIsNeitherEqualNorUnequal) {
  EXPECT_FALSE(selects("tags.nothing = 1"));
  EXPECT_FALSE(selects("tags.nothing != 1"));
  EXPECT_FALSE(selects("NOT tags.nothing = 1"));
  EXPECT_FALSE(selects("tags.device = tags.device"));  // objects do not compare
  EXPECT_FALSE(selects("deviceId != 1"));              // nor do unlike types
  EXPECT_TRUE(selects("tags.nothing = 1 OR deviceId = 'gw1'"));
  EXPECT_FALSE(selects("tags.nothing = 1 AND deviceId = 'gw1'"));
}

TEST(Query, NotBindsBeforeAndBeforeOr) {
  EXPECT_TRUE(selects("version = 7 OR version = 1 AND version = 2"));
  EXPECT_FALSE(selects("(version = 7 OR version = 1) AND version = 2"));
  EXPECT_TRUE(selects("NOT version = 1 AND version = 7"));
  EXPECT_FALSE(selects("NOT (version = 1 OR version = 7)"));
  EXPECT_TRUE(selects("NOT NOT version = 7"));
}

TEST(Query, InAList) {
  EXPECT_TRUE(selects("deviceId IN ['gw0', \"gw1\"]"));
  EXPECT_FALSE(selects("deviceId in ['gw0']"));
  EXPECT_TRUE(selects("deviceId NOT IN ['gw0']"));
  EXPECT_FALSE(selects("tags.nothing IN ['gw0']"));
  EXPECT_FALSE(selects("tags.nothing NOT IN ['gw0']"));
}

TEST(Query, Functions) {
  EXPECT_TRUE(selects("is_defined(tags.site)"));
  EXPECT_FALSE(selects("IS_DEFINED(tags.nothing)"));
  EXPECT_TRUE(selects("is_defined(statusReason)"));
  EXPECT_TRUE(selects("is_null(statusReason)"));
  EXPECT_FALSE(selects("is_null(tags.nothing)"));
  EXPECT_TRUE(selects("array_contains(parentScopes, 'ms-azure-iot-edge://up-1')"));
  EXPECT_FALSE(selects("array_contains(parentScopes, 'ms-azure-iot-edge://up')"));
  EXPECT_FALSE(selects("array_contains(deviceId, 'gw1')"));
  EXPECT_TRUE(selects("startswith(deviceId, 'gw') AND endswith(deviceId, '1')"));
}

TEST(Query, QualifiedNames) {
  EXPECT_TRUE(selects("devices.deviceId = 'gw1' AND devices.tags.site = 'plant-a'"));
  EXPECT_TRUE(selects("tags['site'] = 'plant-a' AND tags['a b'] = 1 AND tags.device.x = 1"));
}

TEST(Query, EscapesAreThoseOfJson) {
  EXPECT_TRUE(selects(R"(tags.note = 'it\'s "here" \\ \u00E9\uD83D\uDE00')"));
  EXPECT_TRUE(selects(R"(tags.note = "it's \"here\" \\ é😀")"));
  EXPECT_FALSE(parse_query("SELECT * FROM devices WHERE deviceId = 'it''s'"));  // not by doubling
  EXPECT_FALSE(parse_query(R"(SELECT * FROM devices WHERE deviceId = '\x')"));
  EXPECT_FALSE(parse_query(R"(SELECT * FROM devices WHERE deviceId = '\uD83D')"));
  EXPECT_FALSE(parse_query(R"(SELECT * FROM devices WHERE deviceId = '\u12')"));
}

TEST(Query, Projections) {
  const auto query = parse_query("SELECT deviceId, tags.site AS place, tags.nothing, devices.version FROM devices");
  ASSERT_TRUE(query);
  EXPECT_FALSE(query->whole_twins());
  EXPECT_EQ(row_of(*query, kGateway), (json{{"deviceId", "gw1"}, {"place", "plant-a"}, {"version", 7}}));
}

TEST(Query, CountsAndTop) {
  const auto count = parse_query("SELECT COUNT() AS n FROM devices WHERE version = 7");
  ASSERT_TRUE(count);
  EXPECT_TRUE(count->counts());
  EXPECT_EQ(count->projections.front().name, "n");
  EXPECT_EQ(parse_query("SELECT TOP 5 * FROM devices")->top, 5U);
}

}  // namespace
}  // namespace iris::iot_hub_emulator
