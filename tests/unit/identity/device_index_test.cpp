// SPDX-License-Identifier: Apache-2.0
#include "identity/device_index.h"

#include <gmock/gmock.h>
#include <netinet/in.h>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using test::address;

flow::Device device(std::string id, std::vector<std::string> at, flow::DeviceKind kind = flow::DeviceKind::leaf) {
  flow::Device made;
  made.id = std::move(id);
  made.kind = kind;
  for (const auto& where : at) made.addresses.push_back(address(where));
  return made;
}

std::string owner(const DeviceIndex& index, const std::string& ip, std::uint16_t port = 0, std::uint8_t protocol = IPPROTO_TCP) {
  const std::string* found = index.device_of(*base::IpAddress::parse(ip), port, protocol);
  return found == nullptr ? "-" : *found;
}

TEST(DeviceIndex, AnAddressWithoutPortIsAllOfIt) {
  const auto index = DeviceIndex::make(std::vector{device("a", {"198.51.100.1", "2001:db8::1"}), device("b", {"198.51.100.2"})});
  EXPECT_EQ(owner(*index, "198.51.100.1", 502), "a");
  EXPECT_EQ(owner(*index, "198.51.100.1"), "a");
  EXPECT_EQ(owner(*index, "2001:db8::1", 8883), "a");
  EXPECT_EQ(owner(*index, "198.51.100.2", 1, IPPROTO_UDP), "b");
  EXPECT_EQ(owner(*index, "198.51.100.3", 502), "-");
  EXPECT_EQ(owner(*index, "0.0.0.0"), "-");
}

TEST(DeviceIndex, TheMostSpecificWins) {
  auto exact = device("exact", {"198.51.100.1:502"});
  exact.addresses[0].protocol = IPPROTO_TCP;
  const auto index = DeviceIndex::make(std::vector{device("host", {"198.51.100.1"}), device("port", {"198.51.100.1:502"}), exact});
  EXPECT_EQ(owner(*index, "198.51.100.1", 502, IPPROTO_TCP), "exact");
  EXPECT_EQ(owner(*index, "198.51.100.1", 502, IPPROTO_UDP), "port");
  EXPECT_EQ(owner(*index, "198.51.100.1", 80, IPPROTO_TCP), "host");
}

TEST(DeviceIndex, APortNobodyNamedBelongsToTheOnlyDeviceThere) {
  const auto one = DeviceIndex::make(std::vector{device("plc", {"198.51.100.1:502", "198.51.100.1:4840"})});
  EXPECT_EQ(owner(*one, "198.51.100.1", 49152), "plc");
  const auto two = DeviceIndex::make(std::vector{device("plc", {"198.51.100.1:502"}), device("opc", {"198.51.100.1:4840"})});
  EXPECT_EQ(owner(*two, "198.51.100.1", 502), "plc");
  EXPECT_EQ(owner(*two, "198.51.100.1", 4840), "opc");
  EXPECT_EQ(owner(*two, "198.51.100.1", 49152), "-");
}

TEST(DeviceIndex, WhatTwoClaimIsNobodys) {
  const auto index = DeviceIndex::make(std::vector{device("a", {"198.51.100.1", "198.51.100.9:502"}), device("b", {"198.51.100.1", "198.51.100.9:502"}),
                                                   device("c", {"198.51.100.1"}), device("host", {"198.51.100.9"})});
  EXPECT_EQ(owner(*index, "198.51.100.1", 502), "-");
  EXPECT_EQ(owner(*index, "198.51.100.9", 502), "-") << "two units: not even the host's";
  EXPECT_EQ(owner(*index, "198.51.100.9", 80), "host");
}

TEST(DeviceIndex, SayingItTwiceIsNoConflict) {
  const auto index = DeviceIndex::make(std::vector{device("a", {"198.51.100.1", "198.51.100.1", "198.51.100.1:502"})});
  EXPECT_EQ(owner(*index, "198.51.100.1", 502), "a");
}

TEST(DeviceIndex, ModulesGatewaysGhostsAndTextsAreNotInIt) {
  auto ghost = device("ghost", {"198.51.100.3"});
  ghost.deployed = false;
  const auto index = DeviceIndex::make(std::vector{device("gw1", {"198.51.100.1"}, flow::DeviceKind::gateway),
                                                   device("gw1/m", {"198.51.100.2"}, flow::DeviceKind::module), ghost,
                                                   device("serial", {"/dev/ttyS0", "127.0.0.1", "224.0.0.1"})});
  for (const char* ip : {"198.51.100.1", "198.51.100.2", "198.51.100.3", "127.0.0.1", "224.0.0.1", "::"}) EXPECT_EQ(owner(*index, ip), "-") << ip;
  EXPECT_EQ(index->devices(), 0U);
  EXPECT_EQ(owner(*DeviceIndex::make({}), "198.51.100.1"), "-");
}

TEST(DeviceIndex, IsCompact) {
  std::vector<flow::Device> devices;
  for (int i = 0; i < 10'000; ++i) {
    const std::string ip = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    devices.push_back(device("gw1/modbus1/PowerMeter-" + std::to_string(i), {ip + ":502", ip + ":503"}));
  }
  const auto index = DeviceIndex::make(devices);
  EXPECT_EQ(index->devices(), 10'000U);
  RecordProperty("bytes", std::to_string(index->memory_bytes()));
  EXPECT_LT(index->memory_bytes(), 1'600'000U);  // 30,000 entries, 10,000 long ids
  EXPECT_EQ(owner(*index, "10.1.39.250", 503), "gw1/modbus1/PowerMeter-9999");
}

}  // namespace
}  // namespace iris::identity
