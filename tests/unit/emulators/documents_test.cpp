// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/documents.h"

#include <gmock/gmock.h>

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

TEST(Documents, AreCompletedAsTheServiceWrites) {
  const auto hub = hub_from(json::parse(
      R"({"devices":[{"deviceId":"gw1","capabilities":{"iotEdge":true}},{"deviceId":"leaf","status":"disabled","$absent":["modelId","parentScopes"]}],
          "modules":[{"deviceId":"gw1","moduleId":"$edgeAgent"}],"configurations":[{"id":"site-a","priority":3}]})"));
  ASSERT_TRUE(hub) << hub.error().message;
  const auto& gateway = *hub->devices.at("gw1");
  EXPECT_EQ(gateway["etag"], "AAAAAAAAAAE=");
  EXPECT_EQ(gateway["deviceScope"], "ms-azure-iot-edge://gw1-638000000000000000");
  EXPECT_EQ(gateway["status"], "enabled");
  const auto& leaf = *hub->devices.at("leaf");
  EXPECT_EQ(leaf["status"], "disabled");
  for (const auto* absent : {"modelId", "parentScopes", "$absent", "deviceScope", "tags"}) EXPECT_FALSE(leaf.contains(absent)) << absent;
  EXPECT_FALSE(hub->modules.at(module_key("gw1", "$edgeAgent"))->contains("capabilities"));
  EXPECT_EQ((*hub->configurations.at("site-a"))["priority"], 3);
}

TEST(Documents, WithoutIdsAreErrors) {
  for (const auto* text : {R"([])", R"({"devices":{}})", R"({"devices":[{}]})", R"({"devices":["x"]})",
                           R"({"modules":[{"deviceId":"a"}]})", R"({"configurations":[{"id":1}]})"}) {
    EXPECT_FALSE(hub_from(json::parse(text))) << text;
  }
}

TEST(Documents, APatchChangesVersions) {
  Hub hub;
  hub.put_device({{"deviceId", "a"}, {"tags", {{"x", 1}, {"y", 2}}}, {"properties", {{"desired", {{"k", 1}, {"$version", 4}}}}}});
  const auto before = hub;
  EXPECT_TRUE(hub.patch_twin("a", "", json::parse(R"({"tags":{"x":null},"properties":{"desired":{"k":2}}})")));
  const auto& twin = *hub.devices.at("a");
  EXPECT_EQ(twin["tags"], (json{{"y", 2}}));
  EXPECT_EQ(twin["properties"]["desired"], (json{{"k", 2}, {"$version", 5}}));
  EXPECT_EQ(twin["version"], 2);
  EXPECT_EQ(twin["etag"], "AAAAAAAAAAI=");
  EXPECT_EQ((*before.devices.at("a"))["version"], 1);  // copies keep theirs
  EXPECT_FALSE(hub.patch_twin("b", "", json::object()));
  EXPECT_FALSE(hub.patch_twin("a", "m", json::object()));
}

TEST(Documents, IdentitiesCarryKeysThatOpenNothing) {
  Hub hub;
  hub.put_device({{"deviceId", "a"}});
  hub.put_module({{"deviceId", "a"}, {"moduleId", "m"}});
  const auto device = device_identity(*hub.devices.at("a"));
  EXPECT_EQ(device["authentication"]["symmetricKey"]["primaryKey"], fake_key("a", true));
  EXPECT_EQ(device["authentication"]["symmetricKey"]["secondaryKey"], fake_key("a", false));
  EXPECT_TRUE(device.contains("statusUpdatedTime"));
  EXPECT_FALSE(device.contains("statusUpdateTime"));
  const auto module = module_identity(*hub.modules.at(module_key("a", "m")));
  EXPECT_EQ(module["authentication"]["symmetricKey"]["primaryKey"], fake_key("a/m", true));
  EXPECT_EQ(module["managedBy"], "IotEdge");
}

TEST(Documents, ABigHubHasWhatWasAskedFor) {
  const auto hub = big_hub({});
  EXPECT_EQ(hub.devices.size(), 10'000U);
  EXPECT_EQ(hub.modules.size(), 100U);
  EXPECT_TRUE(hub.modules.contains(module_key("gateway-0009", "$edgeAgent")));
  const auto& leaf = *hub.devices.at("device-000011");
  EXPECT_EQ(leaf["deviceScope"], (*hub.devices.at("gateway-0001"))["deviceScope"]);
  EXPECT_EQ(leaf["parentScopes"], json::array({leaf["deviceScope"]}));
  EXPECT_EQ(big_hub({3, 0, 10}).devices.size(), 3U);
}

}  // namespace
}  // namespace iris::iot_hub_emulator
