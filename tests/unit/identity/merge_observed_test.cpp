// SPDX-License-Identifier: Apache-2.0
// Hosts that the gateway saw: they join what registries know, and change nothing of it.
#include <gmock/gmock.h>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kMacA = "00:1b:44:11:3a:0a";
constexpr const char* kMacB = "00:1b:44:11:3a:0b";

Say hosts_file(const std::string& name, const std::string& where) {
  return Say(Source::host_name, DeviceKind::observed, name).at(where);
}

TEST(MergeObserved, AHostIsItsMac) {
  const auto devices = merged({neighbour("198.51.100.7", kMacA), neighbour("2001:db8::7", kMacA), lease("198.51.100.7", kMacA, "plc7"),
                               hosts_file("plc7.site", "198.51.100.7")});
  ASSERT_THAT(ids(devices), ElementsAre("observed/00:1b:44:11:3a:0a"));
  EXPECT_THAT(devices[0].sources, ElementsAre("dhcp_lease", "host_name", "neighbour_table"));
  EXPECT_EQ(devices[0].kind, DeviceKind::observed);
  EXPECT_EQ(devices[0].pattern, flow::GatewayPattern::none);
  EXPECT_EQ(devices[0].parent, "gw1");
  EXPECT_THAT(devices[0].addresses, ElementsAre(address(kMacA), address("198.51.100.7"), address("2001:db8::7")));
  EXPECT_THAT(devices[0].conflicts, IsEmpty());
}

TEST(MergeObserved, WithoutAMacAHostIsItsAddress) {
  EXPECT_THAT(ids(merged({neighbour("198.51.100.7", ""), hosts_file("x", "198.51.100.7"), neighbour("198.51.100.8", "")})),
              ElementsAre("observed/198.51.100.7", "observed/198.51.100.8"));
}

TEST(MergeObserved, TwoMacsOfOneStatementTieHostsTogether) {
  auto both = neighbour("198.51.100.9", kMacA).hardware(std::string("mac:") + kMacB);
  EXPECT_THAT(ids(merged({neighbour("198.51.100.7", kMacA), neighbour("198.51.100.8", kMacB), both})), ElementsAre("observed/00:1b:44:11:3a:0a"));
}

TEST(MergeObserved, JoinsByMacAndByAddress) {
  const auto devices = merged({hub_leaf("by-mac").tagged(R"({"mac":"00:1b:44:11:3a:0a"})"), edgex("by-address").at("198.51.100.8:502"),
                               neighbour("198.51.100.7", kMacA), neighbour("198.51.100.8", kMacB)});
  ASSERT_THAT(ids(devices), ElementsAre("by-mac", "edgex/by-address"));
  EXPECT_THAT(devices[0].addresses, ElementsAre(address(kMacA), address("198.51.100.7")));
  EXPECT_THAT(devices[1].sources, ElementsAre("edgex", "neighbour_table"));
  EXPECT_EQ(devices[0].pattern, flow::GatewayPattern::none) << "seen, but nothing says that it uses the gateway";
}

TEST(MergeObserved, AnotherMacAtTheAddressIsAnotherDevice) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"mac":"00:1b:44:11:3a:0a","ip":"198.51.100.7"})"), neighbour("198.51.100.7", kMacB)});
  ASSERT_THAT(ids(devices), ElementsAre("a", "observed/00:1b:44:11:3a:0b"));
  EXPECT_THAT(devices[0].conflicts, ElementsAre("observed/00:1b:44:11:3a:0b agrees in address 198.51.100.7 and differs in mac: not merged"));
  EXPECT_THAT(devices[1].conflicts, ElementsAre("a agrees in address 198.51.100.7 and differs in mac: not merged"));
}

TEST(MergeObserved, AlsoWhenTheMacIsKnownToAnotherRegistry) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"ip":"198.51.100.7"})"), edgex("a").hardware(std::string("mac:") + kMacA),
                               neighbour("198.51.100.7", kMacB)});
  EXPECT_THAT(ids(devices), ElementsAre("a", "observed/00:1b:44:11:3a:0b"));
}

TEST(MergeObserved, TwoHostsAtOneAddressJoinNothingByIt) {
  const auto devices = merged({edgex("a").at("198.51.100.7"), lease("198.51.100.7", kMacA), neighbour("198.51.100.7", kMacB)});
  ASSERT_THAT(ids(devices), ElementsAre("edgex/a", "observed/00:1b:44:11:3a:0a", "observed/00:1b:44:11:3a:0b"));
  EXPECT_THAT(devices[1].conflicts, Contains(HasSubstr("observed/00:1b:44:11:3a:0b has the same address 198.51.100.7")));
  EXPECT_THAT(devices[2].conflicts, Contains(HasSubstr("observed/00:1b:44:11:3a:0a has the same address 198.51.100.7")));
}

TEST(MergeObserved, AHostThatAgreesWithTwoIsNeither) {
  const auto devices = merged({hub_leaf("a").tagged(R"({"mac":"00:1b:44:11:3a:0a"})"), hub_leaf("b").tagged(R"({"ip":"198.51.100.7"})"),
                               edgex("a"), neighbour("198.51.100.7", kMacA)});
  ASSERT_THAT(ids(devices), ElementsAre("a", "b", "observed/00:1b:44:11:3a:0a"));
  EXPECT_THAT(devices[0].sources, ElementsAre("edgex", "iot_hub")) << "a stranger does not undo what registries agree upon";
  EXPECT_THAT(devices[2].conflicts, Contains(HasSubstr("both a and b")));
  EXPECT_THAT(devices[1].conflicts, Contains(HasSubstr("observed/00:1b:44:11:3a:0a could be this device or a")));
}

TEST(MergeObserved, AHostThatCallsItselfLikeADeviceIsNotIt) {
  const auto devices = merged({hub_leaf("thermostat"), lease("198.51.100.66", kMacB, "thermostat")});
  ASSERT_THAT(ids(devices), ElementsAre("observed/00:1b:44:11:3a:0b", "thermostat"));
  EXPECT_THAT(devices[0].conflicts, ElementsAre(HasSubstr("calls itself thermostat")));
  EXPECT_THAT(devices[1].conflicts, ElementsAre(HasSubstr("observed/00:1b:44:11:3a:0b calls itself by this name")));
}

TEST(MergeObserved, NorByAFullNameAmongItsAddresses) {
  auto liar = lease("198.51.100.66", kMacB).at("plc7.site");
  EXPECT_EQ(merged({edgex("x").at("plc7.site"), liar}).size(), 2U);
}

TEST(MergeObserved, TheHostsFileMayNameADevice) {
  const auto devices = merged({hub_leaf("thermostat"), hosts_file("thermostat", "198.51.100.7"), neighbour("198.51.100.7", kMacA)});
  ASSERT_THAT(ids(devices), ElementsAre("thermostat"));
  EXPECT_THAT(devices[0].addresses, Contains(address("198.51.100.7")));
}

TEST(MergeObserved, TheMappingNamesAHost) {
  const MergeRules rules{"gw1", {{"198.51.100.7", "thermostat"}}};
  EXPECT_THAT(ids(merged({hub_leaf("thermostat"), neighbour("198.51.100.7", kMacA)}, rules)), ElementsAre("thermostat"));
  EXPECT_THAT(merged({neighbour("198.51.100.7", kMacA)}, rules)[0].conflicts, ElementsAre(HasSubstr("thermostat, which IoT Hub does not list")));
}

TEST(MergeObserved, TheHostOfABridgeIsNoneOfItsUnits) {
  const auto devices = merged({slave("a").at("198.51.100.9:502").hardware("unit:1"), slave("b").at("198.51.100.9:502").hardware("unit:2"),
                               neighbour("198.51.100.9", kMacA)});
  EXPECT_THAT(ids(devices), ElementsAre("gw1/modbus1/a", "gw1/modbus1/b", "observed/00:1b:44:11:3a:0a"));
  EXPECT_THAT(devices[0].conflicts, IsEmpty());
  EXPECT_THAT(devices[2].conflicts, ElementsAre(HasSubstr("several units")));
}

TEST(MergeObserved, TheHostOfTwoPortsIsNeitherOfThem) {
  const auto devices = merged({slave("a").at("198.51.100.9:502"), edgex("b").at("198.51.100.9:4840"), neighbour("198.51.100.9", kMacA)});
  EXPECT_EQ(devices.size(), 3U);
  EXPECT_THAT(find(devices, "observed/00:1b:44:11:3a:0a").conflicts, ElementsAre(HasSubstr("both edgex/b and gw1/modbus1/a")));
}

}  // namespace
}  // namespace iris::identity
