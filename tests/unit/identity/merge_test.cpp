// SPDX-License-Identifier: Apache-2.0
// What becomes one device, and what it then says.
#include "identity/merge.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using namespace test;
using flow::GatewayPattern;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

nlohmann::json parsed(const std::string& text) { return nlohmann::json::parse(text); }

TEST(Merge, NothingGivesNothing) {
  EXPECT_THAT(merged({}), IsEmpty());
  EXPECT_THAT(merged({Say(Source::iot_hub, DeviceKind::leaf, ""), Say(Source::dhcp_lease, DeviceKind::observed, "")}), IsEmpty());
}

TEST(Merge, TransparentGatewayTakesAllFromTheHub) {
  const auto devices = merged({hub_gateway("gw1"), hub_leaf("thermostat").below("gw1").tagged(R"({"site":"a"})").with_status("enabled"),
                               hub_client("thermostat")});
  ASSERT_THAT(ids(devices), ElementsAre("gw1", "thermostat"));
  const auto& thermostat = devices[1];
  EXPECT_EQ(thermostat.kind, DeviceKind::leaf);
  EXPECT_EQ(thermostat.pattern, GatewayPattern::transparent);
  EXPECT_THAT(thermostat.sources, ElementsAre("edge_hub", "iot_hub"));
  EXPECT_EQ(thermostat.tags, R"({"site":"a"})");
  EXPECT_EQ(thermostat.parent, "gw1");
  EXPECT_EQ(thermostat.status, "enabled");
  EXPECT_THAT(thermostat.conflicts, IsEmpty());
  EXPECT_EQ(devices[0].pattern, GatewayPattern::none);
}

TEST(Merge, IdentityTranslationJoinsHubAndEdgexByName) {
  const auto devices = merged({hub_leaf("boiler-3").tagged(R"({"site":"a"})").configured(R"({"desired":{"k":1}})"),
                               edgex("boiler-3").below("gw1").at("198.51.100.31:502").tagged(R"({"labels":["hvac"]})")});
  ASSERT_THAT(ids(devices), ElementsAre("boiler-3"));
  EXPECT_EQ(devices[0].kind, DeviceKind::leaf);
  EXPECT_EQ(devices[0].pattern, GatewayPattern::identity_translation);
  EXPECT_THAT(devices[0].sources, ElementsAre("edgex", "iot_hub"));
  EXPECT_EQ(parsed(devices[0].tags), parsed(R"({"iot_hub":{"site":"a"},"edgex":{"labels":["hvac"]}})"));
  EXPECT_EQ(devices[0].configuration, R"({"desired":{"k":1}})") << "one source: its object as it is";
  EXPECT_THAT(devices[0].addresses, ElementsAre(address("198.51.100.31:502")));
  EXPECT_EQ(devices[0].parent, "gw1");
}

TEST(Merge, JoinsByHardwareIdInTheTwin) {
  for (const char* tags : {R"({"macAddress":"00-1B-44-11-3A-B7"})", R"({"network":{"mac":"001b44113ab7"}})"}) {
    const auto devices = merged({hub_leaf("d-1").tagged(tags), edgex("camera").hardware("mac:00:1b:44:11:3a:b7")});
    ASSERT_THAT(ids(devices), ElementsAre("d-1")) << tags;
    EXPECT_THAT(devices[0].addresses, ElementsAre(address("00:1b:44:11:3a:b7")));
  }
  EXPECT_THAT(ids(merged({hub_leaf("d-1").configured(R"({"reported":{"hwId":"PowerMeter-01"}})"),
                          slave("Slave01").hardware("hwid:PowerMeter-01")})),
              ElementsAre("d-1"));
}

TEST(Merge, AMacAmongTheAddressesCountsAsOne) {
  const auto devices = merged({hub_leaf("d-1").hardware("mac:00:1b:44:11:3a:b7"), edgex("camera").at("00:1B:44:11:3A:B7")});
  ASSERT_THAT(ids(devices), ElementsAre("d-1"));
  EXPECT_THAT(devices[0].addresses, ElementsAre(address("00:1b:44:11:3a:b7")));
}

TEST(Merge, JoinsByAddress) {
  EXPECT_THAT(ids(merged({hub_leaf("d-1").tagged(R"({"ip":"198.51.100.31"})"), edgex("x").at("198.51.100.31:502")})), ElementsAre("d-1"));
  EXPECT_THAT(ids(merged({edgex("x").at("198.51.100.31:502"), slave("y").at("198.51.100.31:502")})), ElementsAre("edgex/x"));
  EXPECT_THAT(ids(merged({edgex("x").at("[2001:db8::31]:502"), slave("y").at("[2001:db8:0::31]:502")})), ElementsAre("edgex/x"));
  EXPECT_THAT(ids(merged({edgex("x").at("plc7.site"), slave("y").at("PLC7.site")})), ElementsAre("edgex/x"));
}

TEST(Merge, DifferentPortsOfOneHostAreTwoDevices) {
  const auto devices = merged({edgex("x").at("198.51.100.31:502"), slave("y").at("198.51.100.31:503")});
  EXPECT_THAT(ids(devices), ElementsAre("edgex/x", "gw1/modbus1/y"));
  EXPECT_THAT(devices[0].conflicts, IsEmpty());
}

TEST(Merge, SerialLinesShortNamesAndLoopbackJoinNothing) {
  for (const char* where : {"/dev/ttyS0", "COM1", "plc7", "127.0.0.1:502", "::1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "localhost"}) {
    EXPECT_EQ(merged({edgex("x").at(where), slave("y").at(where)}).size(), 2U) << where;
  }
}

TEST(Merge, ProtocolTranslationManufacturesIdentities) {
  const auto devices = merged({hub_gateway("gw1"), agent_module("gw1/modbus1").with_status("running"),
                               slave("PowerMeter-01").at("198.51.100.10:502").hardware("hwid:PowerMeter-01").hardware("unit:1"),
                               slave("PowerMeter-02").at("/dev/ttyS0").hardware("unit:7")});
  ASSERT_THAT(ids(devices), ElementsAre("gw1", "gw1/modbus1", "gw1/modbus1/PowerMeter-01", "gw1/modbus1/PowerMeter-02"));
  EXPECT_EQ(devices[2].pattern, GatewayPattern::protocol_translation);
  EXPECT_EQ(devices[2].kind, DeviceKind::manufactured);
  EXPECT_EQ(devices[2].parent, "gw1");
  EXPECT_EQ(devices[2].module_id, "modbus1");
  EXPECT_EQ(devices[1].kind, DeviceKind::module);
  EXPECT_EQ(devices[1].parent, "gw1");
  EXPECT_EQ(devices[1].status, "running");
}

TEST(Merge, ThePathOfAModuleMayBeSpelledInSeveralWays) {
  auto whole = slave("PM").through("gw1/modbus1");
  auto in_name = slave("gw1/modbus1/PM");
  EXPECT_THAT(ids(merged({whole})), ElementsAre("gw1/modbus1/PM"));
  EXPECT_THAT(ids(merged({in_name})), ElementsAre("gw1/modbus1/PM"));
  Say module(Source::iot_hub, DeviceKind::module, "modbus1");
  EXPECT_THAT(ids(merged({module.below("gw1"), agent_module("gw1/modbus1")})), ElementsAre("gw1/modbus1"));
}

TEST(Merge, UnitsBehindOneBridgeAreDevicesOfTheirOwn) {
  const auto devices = merged({slave("a").at("198.51.100.9:502").hardware("unit:1"), slave("b").at("198.51.100.9:502").hardware("unit:2"),
                               edgex("left").at("198.51.100.9:502").hardware("unit:1"), edgex("right").at("198.51.100.9:502").hardware("unit:2")});
  ASSERT_THAT(ids(devices), ElementsAre("edgex/left", "edgex/right"));
  for (const auto& device : devices) {
    EXPECT_THAT(device.sources, ElementsAre("edgex", "modbus_module"));
    EXPECT_THAT(device.conflicts, IsEmpty());
  }
}

TEST(Merge, EqualUnitsOfDifferentBridgesAreNotOne) {
  EXPECT_EQ(merged({slave("a").at("198.51.100.9:502").hardware("unit:1"), edgex("b").at("198.51.100.10:502").hardware("unit:1")}).size(), 2U);
}

TEST(Merge, NamesInTwoModulesAreNotOne) {
  const auto devices = merged({slave("Slave01", "modbus1").at("198.51.100.1:502"), slave("Slave01", "modbus2").at("198.51.100.2:502")});
  EXPECT_THAT(ids(devices), ElementsAre("gw1/modbus1/Slave01", "gw1/modbus2/Slave01"));
}

TEST(Merge, GhostModules) {
  const auto devices = merged({hub_gateway("gw1"), hub_module("gw1/old").with_status("enabled"), hub_module("gw1/modbus1").with_status("enabled"),
                               agent_module("gw1/modbus1").with_status("backoff"), hub_module("gw1/$edgeHub"), hub_module("gw2/far")});
  EXPECT_FALSE(find(devices, "gw1/old").deployed);
  EXPECT_EQ(find(devices, "gw1/old").status, "enabled");
  EXPECT_TRUE(find(devices, "gw1/modbus1").deployed);
  EXPECT_EQ(find(devices, "gw1/modbus1").status, "backoff");
  EXPECT_THAT(find(devices, "gw1/modbus1").sources, ElementsAre("edge_agent", "iot_hub"));
  EXPECT_TRUE(find(devices, "gw1/$edgeHub").deployed);
  EXPECT_TRUE(find(devices, "gw2/far").deployed) << "its $edgeAgent was not read";
}

TEST(Merge, WhatAGhostSpeaksForIsAGhost) {
  const auto devices = merged({hub_module("gw1/old"), hub_module("gw1/new"), agent_module("gw1/new"), slave("a", "old"), slave("b", "new"),
                               slave("c", "old").at("198.51.100.1:502"), slave("d", "new").at("198.51.100.1:502"), slave("e", "old"), hub_leaf("e")});
  EXPECT_FALSE(find(devices, "gw1/old/a").deployed);
  EXPECT_TRUE(find(devices, "gw1/new/b").deployed);
  EXPECT_TRUE(find(devices, "gw1/new/d").deployed) << "another module speaks for it, too";
  EXPECT_TRUE(find(devices, "e").deployed);
}

TEST(Merge, AHardwareIdMayBeTheIdInTheHub) {
  EXPECT_THAT(ids(merged({hub_leaf("PM-1"), slave("Slave01").hardware("hwid:PM-1")})), ElementsAre("PM-1"));
  EXPECT_THAT(ids(merged({hub_leaf("pm-1"), slave("Slave01").hardware("hwid:PM-1")})), ElementsAre("gw1/modbus1/Slave01", "pm-1"));
  EXPECT_THAT(ids(merged({hub_leaf("A8404100011841E1"), edgex("soil").hardware("deveui:a8404100011841e1")})), ElementsAre("A8404100011841E1"));
}

TEST(Merge, WithoutTheAgentNobodyIsAGhostUnlessItsReaderSaysSo) {
  auto said = hub_module("gw1/b");
  said.deployed = false;
  const auto devices = merged({hub_module("gw1/a"), said});
  EXPECT_TRUE(devices[0].deployed);
  EXPECT_FALSE(devices[1].deployed);
}

TEST(Merge, TheMappingGoesBeforeAll) {
  const MergeRules rules{"gw1", {{"boiler-3", "heat-a"}, {"198.51.100.10", "meter-a"}, {"00-1B-44-11-3A-B7", "camera-a"},
                                 {"gw1/modbus1/Slave09", "heat-b"}}};
  const auto devices = merged({hub_leaf("heat-a"), hub_leaf("meter-a"), hub_leaf("camera-a"), hub_leaf("heat-b"), hub_leaf("boiler-3"),
                               edgex("boiler-3"), edgex("m").at("198.51.100.10:502"), edgex("c").hardware("mac:00:1b:44:11:3a:b7"),
                               slave("Slave09"), neighbour("198.51.100.99", "00:1b:44:11:3a:b7")},
                              rules);
  EXPECT_THAT(ids(devices), ElementsAre("boiler-3", "camera-a", "heat-a", "heat-b", "meter-a"));
  EXPECT_THAT(find(devices, "heat-a").sources, ElementsAre("edgex", "iot_hub"));
  EXPECT_THAT(find(devices, "heat-b").sources, ElementsAre("iot_hub", "modbus_module"));
  EXPECT_THAT(find(devices, "boiler-3").sources, ElementsAre("iot_hub"));
  EXPECT_THAT(find(devices, "camera-a").sources, ElementsAre("edgex", "iot_hub", "neighbour_table"));
  EXPECT_EQ(find(devices, "heat-b").kind, DeviceKind::leaf);
}

TEST(Merge, AMappingToNobodyIsTold) {
  const auto devices = merged({edgex("boiler-3")}, {"gw1", {{"boiler-3", "heat-a"}}});
  ASSERT_THAT(ids(devices), ElementsAre("edgex/boiler-3"));
  EXPECT_THAT(devices[0].conflicts, ElementsAre(::testing::HasSubstr("heat-a")));
}

TEST(Merge, AMappingThatContradictsItselfMergesNothing) {
  const auto devices = merged({hub_leaf("a"), hub_leaf("b"), edgex("x").at("198.51.100.1")}, {"gw1", {{"x", "a"}, {"198.51.100.1", "b"}}});
  EXPECT_THAT(ids(devices), ElementsAre("a", "b", "edgex/x"));
  EXPECT_THAT(devices[2].conflicts, ElementsAre("the mapping names both a and b for it: not merged"));
}

TEST(Merge, StrongerSourcesGoFirst) {
  auto strong = hub_leaf("x").with_status("disabled");
  auto weak = edgex("x").with_status("UP").below("gw1").through("device-modbus");
  const auto devices = merged({weak, strong});
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].status, "disabled");
  EXPECT_EQ(devices[0].module_id, "device-modbus") << "what the stronger does not say, the weaker may";
  EXPECT_EQ(devices[0].parent, "gw1");
}

TEST(Merge, ASourceThatSaysTwoThingsKeepsBoth) {
  const auto devices = merged({edgex("x").tagged(R"({"a":1})"), edgex("x").tagged(R"({"a":2})"), edgex("x").tagged(R"({"a":2})").with_status("UP")});
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(parsed(devices[0].tags), parsed(R"({"edgex":[{"a":1},{"a":2}]})"));
}

TEST(Merge, BrokenOrHugeDocumentsAreLeftOut) {
  const std::string big = "{\"k\":\"" + std::string(120'000, 'x') + "\"}";
  const auto devices = merged({hub_leaf("x").tagged(big), edgex("x").tagged(big + " "), slave("x").tagged("{broken").below("gw1")});
  ASSERT_THAT(ids(devices), ElementsAre("x"));
  EXPECT_EQ(devices[0].tags, big);
}

TEST(Merge, ThisGatewayAndModulesJoinByIdAlone) {
  const auto devices = merged({hub_gateway("gw1").at("198.51.100.1").tagged(R"({"mac":"00:1b:44:11:3a:b7"})"),
                               agent_module("gw1/sim").at("198.51.100.2"), slave("a").at("198.51.100.1:5020"),
                               slave("b").at("198.51.100.2:502"), edgex("gw").hardware("mac:00:1b:44:11:3a:b7")});
  EXPECT_EQ(devices.size(), 5U);
  for (const auto& device : devices) EXPECT_THAT(device.conflicts, IsEmpty()) << device.id;
}

TEST(Merge, AGatewayBelowThisOneIsADevice) {
  const auto devices = merged({hub_gateway("gw1"), hub_gateway("gw2").below("gw1").tagged(R"({"mac":"00:1b:44:11:3a:b7"})"),
                               neighbour("198.51.100.2", "00:1b:44:11:3a:b7")});
  EXPECT_THAT(ids(devices), ElementsAre("gw1", "gw2"));
  EXPECT_THAT(devices[1].addresses, Contains(address("198.51.100.2")));
}

TEST(Merge, SiteLocalAddressesBelowAnotherGatewayMeanSomebodyElse) {
  const auto far = hub_leaf("far").below("gw2").tagged(R"({"ip":"10.0.0.10"})");
  EXPECT_THAT(ids(merged({far, slave("near").at("10.0.0.10:502")})), ElementsAre("far", "gw1/modbus1/near"));
  EXPECT_THAT(merged({far})[0].addresses, IsEmpty());
  EXPECT_EQ(merged({hub_leaf("near").below("gw1").tagged(R"({"ip":"10.0.0.10"})"), slave("x").at("10.0.0.10:502")}).size(), 1U);
}

TEST(Merge, NobodyHidesBehindANamesake) {
  const auto devices = merged({hub_module("edgex/boiler-3"), edgex("boiler-3")});
  ASSERT_THAT(ids(devices), ElementsAre("edgex/boiler-3", "edgex/boiler-3#2"));
  EXPECT_EQ(devices[0].kind, DeviceKind::module);
  EXPECT_THAT(devices[1].conflicts, Contains(::testing::HasSubstr("edgex/boiler-3")));
}

TEST(Merge, AddressesAreBounded) {
  auto one = edgex("x");
  for (int i = 1; i < 200; ++i) one.at("198.51.100." + std::to_string(i));
  EXPECT_EQ(merged({one})[0].addresses.size(), 64U);
}

}  // namespace
}  // namespace iris::identity
