// SPDX-License-Identifier: Apache-2.0
#include "identity/twins.h"

#include <gmock/gmock.h>

#include "documents.h"
#include "identity/json.h"

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Gateway kGateway{"gw1", "ms-azure-iot-edge://gw1-638000000000000000"};

std::vector<std::string> names(const Reading& reading) {
  std::vector<std::string> out;
  for (const Evidence& evidence : reading.evidence) out.push_back(evidence.name);
  return out;
}

TEST(Scope, IsCutAtItsLastDash) {
  EXPECT_EQ(device_of_scope("ms-azure-iot-edge://gw1-638000000000000000"), "gw1");
  EXPECT_EQ(device_of_scope("ms-azure-iot-edge://site-a-gw-7-638"), "site-a-gw-7");
  EXPECT_EQ(device_of_scope("ms-azure-iot-edge://-.+%_#*?!(),=@$'-1"), "-.+%_#*?!(),=@$'");
  for (const char* bad : {"", "ms-azure-iot-edge://gw1", "ms-azure-iot-edge://gw1-", "ms-azure-iot-edge://-638", "ms-azure-iot-edge://gw1-6x", "gw1-638",
                          "ms-azure-iot-edge://a/b-1"}) {
    EXPECT_EQ(device_of_scope(bad), "") << bad;
  }
  EXPECT_EQ(scope_of_twin(documents::kGatewayTwin), kGateway.scope);
  EXPECT_EQ(scope_of_twin("[" + documents::kGatewayTwin + "]"), kGateway.scope);
  EXPECT_EQ(scope_of_twin(documents::kLeafTwin), "") << "a leaf's scope is its parent's";
  EXPECT_EQ(scope_of_twin("nonsense"), "");
}

TEST(DeviceTwins, TheGatewayItself) {
  const Reading reading = read_device_twins(documents::kGatewayTwin, kGateway);
  ASSERT_THAT(reading.evidence, SizeIs(1));
  EXPECT_THAT(reading.faults, IsEmpty());
  const Evidence& gateway = reading.evidence[0];
  EXPECT_EQ(gateway.kind, flow::DeviceKind::gateway);
  EXPECT_EQ(gateway.parent, "top-gw");
  EXPECT_EQ(gateway.status, "enabled");
  EXPECT_EQ(gateway.tags, R"({"site":"plant-a"})");
  EXPECT_EQ(gateway.configuration, R"({"configurations":{"site-a":{"status":"Applied"}},"desired":{"k":1},"iotEdge":true,"reported":{}})");
  EXPECT_FALSE(gateway.connected) << "connectionState lags";
}

TEST(DeviceTwins, ALeafAndWhatItsHardwareIsCalled) {
  const Reading reading = read_device_twins("[" + documents::kLeafTwin + "," + documents::kLoraTwin + "]", kGateway);
  ASSERT_THAT(reading.evidence, SizeIs(2));
  const Evidence& leaf = reading.evidence[0];
  EXPECT_EQ(leaf.source, Source::iot_hub);
  EXPECT_EQ(leaf.kind, flow::DeviceKind::leaf);
  EXPECT_EQ(leaf.name, "thermostat");
  EXPECT_EQ(leaf.parent, "gw1");
  EXPECT_EQ(leaf.status, "disabled");
  EXPECT_THAT(leaf.hardware_ids, ElementsAre("mac:00:1b:44:11:3a:b7", "serial:4711"));
  ASSERT_THAT(leaf.addresses, SizeIs(1)) << "not the loopback";
  EXPECT_EQ(flow::to_string(leaf.addresses[0]), "198.51.100.7");
  EXPECT_EQ(leaf.tags, R"j({"network":{"ip":"198.51.100.7","mac":"00-1B-44-11-3A-B7"},"owner":"anna","url":"http://(removed)@198.51.100.7/"})j");
  EXPECT_THAT(reading.evidence[1].hardware_ids, ElementsAre("deveui:47aac86800430028"));
  EXPECT_EQ(reading.evidence[1].configuration, R"({"desired":{"AppEUI":"BE7A0000000014E2","GatewayID":"","SensorDecoder":"DecoderValueSensor"}})");
}

TEST(DeviceTwins, ChildrenAndNobodyElse) {
  const std::string mine = R"("ms-azure-iot-edge://gw1-638000000000000000")";
  const std::string other = R"("ms-azure-iot-edge://gw1-637000000000000000")";  // an earlier gateway of the same name
  const std::string page = R"([
    {"deviceId":"old-api","deviceScope":)" + mine + R"(},
    {"deviceId":"new-api","deviceScope":)" + mine + R"(,"parentScopes":[)" + mine + R"(],"capabilities":null},
    {"deviceId":"child-edge","capabilities":{"iotEdge":true},"deviceScope":"ms-azure-iot-edge://child-edge-1","parentScopes":[)" + mine + R"(]},
    {"deviceId":"other-edge","capabilities":{"iotEdge":true},"deviceScope":"ms-azure-iot-edge://other-edge-1","parentScopes":[]},
    {"deviceId":"impostor","capabilities":{"iotEdge":true},"deviceScope":)" + mine + R"(},
    {"deviceId":"stale","deviceScope":)" + other + R"(},
    {"deviceId":"second","parentScopes":[)" + other + "," + mine + R"(]},
    {"deviceId":"alone","deviceScope":"","parentScopes":null},{"deviceId":"bare"},
    {"deviceId":"gw1","moduleId":"m","deviceScope":)" + mine + R"(}])";
  EXPECT_THAT(names(read_device_twins(page, kGateway)), ElementsAre("old-api", "new-api", "child-edge"));
  EXPECT_THAT(names(read_device_twins(page, {"gw1", ""})), ElementsAre("old-api", "new-api", "child-edge", "stale", "second"))
      << "with an unknown scope the device id in it decides";
}

TEST(DeviceTwins, IdsWithEveryAllowedCharacter) {
  const std::string id = "token=5-.+%_#*?!(),@$'";
  const Reading reading = read_device_twins(Json{{"deviceId", id}, {"deviceScope", kGateway.scope}}.dump(), kGateway);
  EXPECT_THAT(names(reading), ElementsAre(id)) << "although it looks like a secret";
}

TEST(DeviceTwins, ABrokenTwinDoesNotTakeTheOthersAlong) {
  const std::string page = "[{\"deviceId\":\"a/b\"},7,{\"x\":1}," + std::string(70, '[') + std::string(70, ']') + "," + documents::kLeafTwin + ",{\"deviceId\":tru}," +
                           documents::kLoraTwin + ",{\"deviceId\":\"cut";
  const Reading reading = read_device_twins(page, kGateway);
  EXPECT_THAT(names(reading), ElementsAre("thermostat", "47AAC86800430028"));
  EXPECT_THAT(reading.faults, ElementsAre("twin 0: no deviceId, or none that IoT Hub allows", "twin 1: no deviceId, or none that IoT Hub allows",
                                          "twin 2: no deviceId, or none that IoT Hub allows", "twin 3: nested deeper than 64 levels", "twin 5: not JSON",
                                          "twins: the array does not end"));
}

TEST(ModuleTwins, OfThisGatewayOnly) {
  const Reading reading = read_module_twins("[" + documents::kModbusTwin + R"(,{"deviceId":"gw2","moduleId":"modbus1"},{"deviceId":"gw1"},)" +
                                                documents::kEdgeAgentTwin + "]", kGateway);
  EXPECT_THAT(names(reading), ElementsAre("gw1/modbus1", "gw1/$edgeAgent"));
  EXPECT_THAT(reading.faults, ElementsAre("twin 2: no moduleId, or none that IoT Hub allows"));
  const Evidence& modbus = reading.evidence[0];
  EXPECT_EQ(modbus.kind, flow::DeviceKind::module);
  EXPECT_EQ(modbus.parent, "gw1");
  EXPECT_EQ(modbus.module_id, "modbus1");
  EXPECT_TRUE(modbus.deployed);
  EXPECT_EQ(Json::parse(modbus.configuration)["desired"]["SlaveConfigs"]["Slave01"]["SlaveConnection"], "192.0.2.10");
  EXPECT_EQ(reading.evidence[1].configuration, "") << "left to its own reader";
}

}  // namespace
}  // namespace iris::identity
