// SPDX-License-Identifier: Apache-2.0
// What could be two devices is left apart, and both say so.
#include <gmock/gmock.h>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kMac = "00:1b:44:11:3a:b7";
const std::string kTag = R"({"mac":"00:1b:44:11:3a:b7"})";

/// Each of the devices with these ids has a conflict that names this other one.
void expect_named(const std::vector<flow::Device>& devices, const std::string& id, const std::string& other) {
  EXPECT_THAT(find(devices, id).conflicts, Contains(HasSubstr(other))) << id;
}

TEST(MergeConflicts, TwoHubDevicesWithOneMac) {
  const auto devices = merged({hub_leaf("a").tagged(kTag), hub_leaf("b").tagged(kTag), edgex("camera").hardware(std::string("mac:") + kMac)});
  ASSERT_THAT(ids(devices), ElementsAre("a", "b", "edgex/camera"));
  expect_named(devices, "a", "b has the same mac:00:1b:44:11:3a:b7");
  expect_named(devices, "b", "a has the same mac:00:1b:44:11:3a:b7");
  expect_named(devices, "edgex/camera", "both a and b");
}

TEST(MergeConflicts, TwoHubDevicesWithOneAddress) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"ip":"198.51.100.7"})"), hub_leaf("b").at("198.51.100.7:502"),
                               slave("s").at("198.51.100.7:502")});
  ASSERT_THAT(ids(devices), ElementsAre("a", "b", "gw1/modbus1/s"));
  expect_named(devices, "a", "b has the same address 198.51.100.7 port 502");
  expect_named(devices, "b", "a has the same address 198.51.100.7 port 502");
  expect_named(devices, "gw1/modbus1/s", "both a and b");
  expect_named(devices, "a", "gw1/modbus1/s could be this device or b");
}

TEST(MergeConflicts, TheOtherPortIsNotInDoubt) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"ip":"198.51.100.7"})"), hub_leaf("b").at("198.51.100.7:502"),
                               slave("s").at("198.51.100.7:503")});
  EXPECT_THAT(ids(devices), ElementsAre("a", "b"));
  EXPECT_THAT(find(devices, "a").sources, ElementsAre("iot_hub", "modbus_module"));
}

TEST(MergeConflicts, NameSaysOneAndMacSaysAnother) {
  const auto devices = merged({hub_leaf("a"), hub_leaf("b").tagged(kTag), edgex("a").hardware(std::string("mac:") + kMac)});
  ASSERT_THAT(ids(devices), ElementsAre("a", "b", "edgex/a"));
  expect_named(devices, "edgex/a", "both a and b");
  expect_named(devices, "a", "edgex/a could be this device or b");
  expect_named(devices, "b", "edgex/a could be this device or a");
}

TEST(MergeConflicts, AlsoWhenTheNamesakeHasAMacOfItsOwn) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"mac":"00:1b:44:11:3a:01"})"), hub_leaf("b").tagged(kTag),
                               edgex("a").hardware(std::string("mac:") + kMac)});
  EXPECT_THAT(ids(devices), ElementsAre("a", "b", "edgex/a"));
}

TEST(MergeConflicts, EqualNamesWithDifferentHardware) {
  for (const auto& [ours, theirs] : {std::pair(R"({"mac":"00:1b:44:11:3a:01"})", "mac:00:1b:44:11:3a:b7"),
                                     std::pair(R"({"serial":"4711"})", "serial:4712"),
                                     std::pair(R"({"devEui":"a8404100011841e1"})", "deveui:a8404100011841e2")}) {
    const auto devices = merged({hub_leaf("a").tagged(ours), edgex("a").hardware(theirs)});
    ASSERT_THAT(ids(devices), ElementsAre("a", "edgex/a")) << ours;
    expect_named(devices, "a", "edgex/a agrees in name a and differs in");
    expect_named(devices, "edgex/a", "a agrees in name a and differs in");
  }
}

TEST(MergeConflicts, OneSharedMacOfSeveralIsEnough) {
  EXPECT_EQ(merged({hub_leaf("a").tagged(R"({"mac":["00:1b:44:11:3a:01","00:1b:44:11:3a:b7"]})"), edgex("a").hardware(std::string("mac:") + kMac)}).size(), 1U);
}

TEST(MergeConflicts, ANameInOtherCaseIsTold) {
  const auto devices = merged({hub_leaf("Boiler-3"), edgex("boiler-3"), slave("BOILER-3")});
  ASSERT_THAT(ids(devices), ElementsAre("Boiler-3", "edgex/boiler-3", "gw1/modbus1/BOILER-3"));
  expect_named(devices, "Boiler-3", "edgex/boiler-3 has this name in other upper and lower case");
  expect_named(devices, "edgex/boiler-3", "Boiler-3 has this name in other upper and lower case");
  EXPECT_THAT(devices[2].conflicts, SizeIs(1));
}

TEST(MergeConflicts, CaseDoesNotMatterToWhatIsOneForABetterReason) {
  const auto devices = merged({hub_leaf("Boiler-3").tagged(kTag), edgex("boiler-3").hardware(std::string("mac:") + kMac)});
  ASSERT_THAT(ids(devices), ElementsAre("Boiler-3"));
  EXPECT_THAT(devices[0].conflicts, IsEmpty());
}

TEST(MergeConflicts, HubIdsThatDifferInCaseStayTwoDevices) {
  EXPECT_THAT(ids(merged({hub_leaf("A"), hub_leaf("a"), edgex("a")})), ElementsAre("A", "a"));
}

TEST(MergeConflicts, AChainThatEndsInTwoHubDevicesJoinsNothing) {
  // a - name - edgex/a - MAC - s - address - b: each step alone looks well.
  const auto devices = merged({hub_leaf("a"), edgex("a").hardware(std::string("mac:") + kMac),
                               slave("s").hardware(std::string("mac:") + kMac).at("198.51.100.7:502"),
                               hub_leaf("b").tagged(R"({"ip":"198.51.100.7"})")});
  ASSERT_THAT(ids(devices), ElementsAre("a", "b", "edgex/a", "gw1/modbus1/s"));
  expect_named(devices, "edgex/a", "gw1/modbus1/s agrees in mac:00:1b:44:11:3a:b7");
  expect_named(devices, "b", "gw1/modbus1/s");
}

TEST(MergeConflicts, AChainThatEndsInDifferentHardwareJoinsNothing) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"mac":"00:1b:44:11:3a:01"})"), edgex("a").at("198.51.100.7"),
                               slave("s").hardware(std::string("mac:") + kMac).at("198.51.100.7:502")});
  EXPECT_EQ(devices.size(), 3U);
  for (const auto& device : devices) EXPECT_THAT(device.conflicts, ::testing::Not(IsEmpty())) << device.id;
}

TEST(MergeConflicts, DuplicatedHwIdInOneModule) {
  const auto devices = merged({slave("Slave01").hardware("hwid:PM-1").at("198.51.100.1:502"), slave("Slave02").hardware("hwid:PM-1").at("198.51.100.2:502"),
                               hub_leaf("PM-1"), hub_leaf("x").tagged(R"({"hwId":"PM-1"})")});
  EXPECT_EQ(devices.size(), 4U);
  expect_named(devices, "gw1/modbus1/Slave01", "gw1/modbus1/Slave02 has the same hwid:PM-1");
  expect_named(devices, "x", "both gw1/modbus1/Slave01 and gw1/modbus1/Slave02");
  expect_named(devices, "PM-1", "both gw1/modbus1/Slave01 and gw1/modbus1/Slave02");
}

TEST(MergeConflicts, WhoNamesNoUnitOfABridgeIsNone) {
  const auto devices = merged({slave("a").at("198.51.100.9:502").hardware("unit:1"), slave("b").at("198.51.100.9:502").hardware("unit:2"),
                               hub_leaf("bridge").tagged(R"({"ip":"198.51.100.9"})"), edgex("bridge")});
  ASSERT_THAT(ids(devices), ElementsAre("bridge", "gw1/modbus1/a", "gw1/modbus1/b"));
  EXPECT_THAT(find(devices, "bridge").sources, ElementsAre("edgex", "iot_hub")) << "by name, all the same";
  EXPECT_THAT(find(devices, "bridge").conflicts, Each(HasSubstr("several units")));
  EXPECT_THAT(find(devices, "bridge").conflicts, SizeIs(1));
  EXPECT_THAT(find(devices, "gw1/modbus1/a").conflicts, IsEmpty()) << "a bridge is no conflict";
}

TEST(MergeConflicts, OneUnitAloneIsMeant) {
  EXPECT_THAT(ids(merged({slave("a").at("198.51.100.9:502").hardware("unit:1"), hub_leaf("d").tagged(R"({"ip":"198.51.100.9"})")})), ElementsAre("d"));
}

TEST(MergeConflicts, WhatTheMappingSettledIsNoDoubtForTheRest) {
  const auto devices = merged({hub_leaf("a"), hub_leaf("b"), edgex("x"), edgex("b")}, {"gw1", {{"x", "a"}}});
  EXPECT_THAT(ids(devices), ElementsAre("a", "b"));
  EXPECT_THAT(devices[1].sources, ElementsAre("edgex", "iot_hub"));
  EXPECT_THAT(devices[0].conflicts, IsEmpty());
}

TEST(MergeConflicts, AMappedDeviceTakesNoSecondOfThatRegistry) {
  const auto devices = merged({hub_leaf("a"), edgex("x"), edgex("a")}, {"gw1", {{"x", "a"}}});
  ASSERT_THAT(ids(devices), ElementsAre("a", "edgex/a"));
  expect_named(devices, "edgex/a", "a has the same name a");
}

TEST(MergeConflicts, AreBounded) {
  std::vector<Evidence> evidence;
  for (int i = 0; i < 300; ++i) {
    evidence.push_back(hub_leaf("d" + std::to_string(i)).tagged(R"({"serial":"4711","mac":"00:1b:44:11:3a:b7","ip":"198.51.100.7"})"));
    evidence.push_back(edgex("e" + std::to_string(i)).hardware("serial:4711").at("198.51.100.7"));
  }
  const auto devices = merged(evidence);
  EXPECT_EQ(devices.size(), 600U);
  for (const auto& device : devices) {
    EXPECT_THAT(device.conflicts, ::testing::Not(IsEmpty())) << device.id;
    EXPECT_LE(device.conflicts.size(), 8U);
  }
}

}  // namespace
}  // namespace iris::identity
