// SPDX-License-Identifier: Apache-2.0
#include "identity/translation_table.h"

#include <gmock/gmock.h>

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const ModuleRef kModule{"gw1", "s7"};

std::vector<std::string> shown(const Reading& reading) {
  std::vector<std::string> out;
  for (const Evidence& one : reading.evidence) {
    std::string text = one.name;
    for (const auto& id : one.hardware_ids) text += " " + id;
    for (const auto& address : one.addresses) text += " @" + flow::to_string(address) + "/" + std::to_string(address.protocol);
    out.push_back(text);
  }
  return out;
}

TEST(TranslationTable, FollowsItsPath) {
  const TranslationRow row{.module = "s7*", .path = "/buses/*/plcs/*", .id = "tag", .address = "net/host", .port = "net/port", .unit = "slot", .protocol = 6, .default_port = 102};
  const Reading reading = apply(row, R"({"properties":{"desired":{"Buses":{"b1":{"plcs":[{"tag":"P1","net":{"host":"192.0.2.80","port":"1102"},"slot":2,"password":"s3cr3t"},
      {"net":{"HOST":"192.0.2.81"}},null,7]},"b2":{"plcs":{"press":{"net":{"host":"plc9"}},"$x":{}}},"b3":5}}}})", kModule);
  EXPECT_THAT(shown(reading), ElementsAre("P1 hwid:P1 unit:2 @192.0.2.80:1102/6", "1 @192.0.2.81:102/6", "press @plc9/6"));
  EXPECT_THAT(reading.faults, ElementsAre("module s7: a device at /buses/*/plcs/* is no object"));
  EXPECT_EQ(reading.evidence[0].source, Source::translation_table);
  EXPECT_EQ(reading.evidence[0].configuration, R"({"net":{"host":"192.0.2.80","port":"1102"},"slot":2,"tag":"P1"})");
  EXPECT_EQ(reading.evidence[0].parent, "gw1");
  EXPECT_EQ(reading.evidence[0].module_id, "s7");
}

TEST(TranslationTable, OddDocuments) {
  const TranslationRow row{.module = "*", .path = "/a~1b/*", .address = "h"};
  EXPECT_THAT(shown(apply(row, R"({"a/b":{"x":{"h":"192.0.2.1"}}})", kModule)), ElementsAre("x @192.0.2.1/0"));
  EXPECT_THAT(shown(apply(row, R"({"a/b":{"x":{"h":7},"y":{}}})", kModule)), ElementsAre("x", "y")) << "a device all the same";
  EXPECT_THAT(shown(apply(row, R"([])", kModule)), IsEmpty());
  EXPECT_THAT(apply(row, "x", kModule).faults, ElementsAre("module s7: not JSON"));
  const TranslationRow root{.module = "*", .id = "name", .address = "h"};
  EXPECT_THAT(shown(apply(root, R"({"name":"n","h":"192.0.2.1"})", kModule)), ElementsAre("n hwid:n @192.0.2.1/0"));
  const TranslationRow same{.module = "*", .path = "/*", .id = "n", .address = "h"};
  EXPECT_THAT(apply(same, R"({"a":{"n":"1","h":"192.0.2.1"},"b":{"n":"1","h":"192.0.2.1"}})", kModule).faults, ElementsAre("module s7: a device that nothing names, or named twice"));
}

TEST(TranslationTable, RowsAreChecked) {
  EXPECT_TRUE(check({.module = "m", .path = "/*", .address = "h"}));
  EXPECT_FALSE(check({.path = "/*", .address = "h"}));
  EXPECT_FALSE(check({.module = "m", .path = "x", .address = "h"}));
  EXPECT_FALSE(check({.module = "m", .path = "/*"}));
  EXPECT_FALSE(check({.module = "m", .path = "/x", .address = "h"}));
  EXPECT_FALSE(check({.module = "m", .path = std::string(64, '/') + "*", .address = "h"}));
}

TEST(TranslationTable, ModulesAndImages) {
  const std::vector<TranslationRow> rows{{.module = "acme/s7-*"}, {.module = "bacnet?"}, {.module = "bac*"}};
  EXPECT_EQ(find_row(rows, "m", "registry.example/acme/s7-reader:1"), &rows[0]);
  EXPECT_EQ(find_row(rows, "BACnet1", ""), &rows[2]);
  EXPECT_EQ(find_row(rows, "m", ""), nullptr);
}

}  // namespace
}  // namespace iris::identity
