// SPDX-License-Identifier: Apache-2.0
#include "neighbours/neighbour_evidence.h"

#include <gmock/gmock.h>

namespace iris::neighbours {
namespace {

using namespace std::chrono_literals;
using identity::Evidence;
using identity::Source;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kMacA = "00:1b:44:11:3a:0a";
constexpr const char* kMacB = "00:1b:44:11:3a:0b";
const HostMemory::Time kStart{1000h};

base::IpAddress ip(const std::string& text) { return *base::IpAddress::parse(text); }

Observation observation(std::vector<NeighbourEntry> neighbours) {
  Observation seen;
  seen.neighbours = std::move(neighbours);
  seen.interfaces = {{2, "plant0"}, {3, "docker0"}, {4, "eth1"}};
  return seen;
}

/// "neighbour_table mac:.. 198.51.100.7,2001:db8::7"
std::vector<std::string> told(const HostMemory::Result& result) {
  std::vector<std::string> lines;
  for (const Evidence& one : result.evidence) {
    EXPECT_EQ(one.kind, flow::DeviceKind::observed);
    std::string line = to_string(one.source);
    for (const auto& id : one.hardware_ids) line += " " + id;
    for (const auto& address : one.addresses) line += " " + to_string(address);
    lines.push_back(line + (one.name.empty() ? "" : " " + one.name));
  }
  return lines;
}

TEST(NeighbourEvidence, OneOfEachHost) {
  HostMemory memory(100, 1h);
  const auto result = memory.add(observation({{ip("2001:db8::7"), kMacA, 2, true}, {ip("198.51.100.7"), kMacA, 2, false}, {ip("198.51.100.8"), "", 4, false}}), kStart);
  EXPECT_THAT(told(result), ElementsAre("neighbour_table mac:00:1b:44:11:3a:0a 198.51.100.7 2001:db8::7", "neighbour_table 198.51.100.8"));
  EXPECT_EQ(result.evidence[0].configuration, R"({"interface":"plant0","router":true})");
  EXPECT_EQ(result.evidence[1].configuration, R"({"interface":"eth1"})");
  EXPECT_EQ(result.hosts, 2U);
}

TEST(NeighbourEvidence, GatewaysAreMarkedAndKept) {
  HostMemory memory(100, 1h);
  auto seen = observation({{ip("198.51.100.1"), kMacA, 2, false}});
  seen.gateways = {ip("198.51.100.1")};
  EXPECT_EQ(memory.add(seen, kStart).evidence.at(0).configuration, R"({"interface":"plant0","router":true})");
}

TEST(NeighbourEvidence, OwnAddressesAndContainersAreNoDevices) {
  HostMemory memory(100, 1h);
  auto seen = observation({{ip("198.51.100.1"), kMacA, 2, false}, {ip("172.17.0.2"), kMacB, 3, false}});
  seen.own_addresses = {ip("198.51.100.1")};
  seen.leases = {{ip("198.51.100.1"), kMacA, "self"}};
  seen.host_names = {{ip("198.51.100.1"), "self"}};
  EXPECT_THAT(told(memory.add(seen, kStart)), IsEmpty());
}

TEST(NeighbourEvidence, ContainerInterfaces) {
  for (const char* name : {"docker0", "docker_gwbridge", "br-0123456789ab", "veth12ab", "cni0", "podman1"}) EXPECT_TRUE(is_container_interface(name)) << name;
  for (const char* name : {"eth0", "br-lan", "br0", "br-0123456789xy", "br-0123456789abc", "wlan0", ""}) EXPECT_FALSE(is_container_interface(name)) << name;
}

TEST(NeighbourEvidence, LeasesAndNames) {
  HostMemory memory(100, 1h);
  auto seen = observation({{ip("198.51.100.7"), kMacA, 2, false}});
  seen.leases = {{ip("198.51.100.7"), kMacA, "plc7"}, {ip("198.51.100.8"), "", ""}};
  seen.host_names = {{ip("198.51.100.7"), "plc7.site"}, {ip("198.51.100.7"), "alias"}, {ip("198.51.100.8"), "cam"}, {ip("203.0.113.1"), "server"}};
  const auto result = memory.add(seen, kStart);
  EXPECT_THAT(told(result), ElementsAre("neighbour_table mac:00:1b:44:11:3a:0a 198.51.100.7", "dhcp_lease mac:00:1b:44:11:3a:0a 198.51.100.7 plc7",
                                        "dhcp_lease 198.51.100.8", "host_name 198.51.100.7 plc7.site", "host_name 198.51.100.8 cam"));
  EXPECT_EQ(result.evidence[1].configuration, R"({"host_name":"plc7"})");
  EXPECT_EQ(result.hosts, 2U);
}

TEST(NeighbourEvidence, TheOrderOfTheTableMeansNothing) {
  const std::vector<NeighbourEntry> entries{{ip("198.51.100.7"), kMacA, 2, false}, {ip("198.51.100.8"), kMacB, 2, false}, {ip("2001:db8::7"), kMacA, 2, false}};
  HostMemory one(100, 1h), two(100, 1h);
  EXPECT_EQ(one.add(observation(entries), kStart).evidence, two.add(observation({entries.rbegin(), entries.rend()}), kStart).evidence);
}

TEST(NeighbourEvidence, ASilentHostStaysForAWhile) {
  HostMemory memory(100, 1h);
  const auto first = memory.add(observation({{ip("198.51.100.7"), kMacA, 2, false}}), kStart).evidence;
  EXPECT_EQ(memory.add(observation({}), kStart + 1h).evidence, first);
  EXPECT_THAT(memory.add(observation({}), kStart + 1h + 1s).evidence, IsEmpty());
}

TEST(NeighbourEvidence, AnAddressThatMovedIsTheNewHostsAlone) {
  HostMemory memory(100, 1h);
  memory.add(observation({{ip("198.51.100.7"), kMacA, 2, false}, {ip("2001:db8::7"), kMacA, 2, false}}), kStart);
  EXPECT_THAT(told(memory.add(observation({{ip("198.51.100.7"), kMacB, 2, false}}), kStart + 60s)),
              ElementsAre("neighbour_table mac:00:1b:44:11:3a:0a 2001:db8::7", "neighbour_table mac:00:1b:44:11:3a:0b 198.51.100.7"));
}

TEST(NeighbourEvidence, TwoHostsAtOneAddressAreBothTold) {
  HostMemory memory(100, 1h);
  EXPECT_THAT(told(memory.add(observation({{ip("198.51.100.7"), kMacA, 2, false}, {ip("198.51.100.7"), kMacB, 4, false}}), kStart)),
              ElementsAre("neighbour_table mac:00:1b:44:11:3a:0a 198.51.100.7", "neighbour_table mac:00:1b:44:11:3a:0b 198.51.100.7"));
}

TEST(NeighbourEvidence, IsBounded) {
  HostMemory memory(10, 1h);
  std::vector<NeighbourEntry> many;
  std::vector<Lease> leases;
  for (int i = 10; i < 40; ++i) {
    many.push_back({ip("198.51.100." + std::to_string(i)), "00:1b:44:11:3a:" + std::to_string(i), 2, false});
    leases.push_back({many.back().address, many.back().mac, ""});
  }
  auto seen = observation(many);
  seen.leases = leases;
  const auto result = memory.add(seen, kStart);
  EXPECT_EQ(result.evidence.size(), 20U);
  EXPECT_EQ(result.skipped, 40U);
  // Those seen now push out the silent.
  const auto next = memory.add(observation({many.end() - 3, many.end()}), kStart + 60s);
  EXPECT_EQ(next.evidence.size(), 10U);
  EXPECT_EQ(next.skipped, 0U);
  EXPECT_EQ(to_string(next.evidence.back().addresses[0]), "198.51.100.39");
}

TEST(NeighbourEvidence, AHostThatAnswersForManyIsBounded) {
  HostMemory memory(10, 1h);
  std::vector<NeighbourEntry> many;
  for (int i = 1; i <= 100; ++i) many.push_back({ip("198.51.100." + std::to_string(i)), kMacA, 2, false});
  const auto result = memory.add(observation(many), kStart);
  ASSERT_EQ(result.evidence.size(), 1U);
  EXPECT_EQ(result.evidence[0].addresses.size(), 32U);
  EXPECT_EQ(result.skipped, 68U);
}

}  // namespace
}  // namespace iris::neighbours
