// SPDX-License-Identifier: Apache-2.0
#include "identity/claims.h"

#include <gmock/gmock.h>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using test::address;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Claims claims_of(const std::string& json) {
  Claims claims;
  EXPECT_TRUE(add_claims(json, claims)) << json;
  return claims;
}

TEST(Claims, EverySpellingOfAMacIsOne) {
  for (const char* text : {"00:1b:44:11:3a:b7", "00-1B-44-11-3A-B7", "001b.4411.3ab7", "001B44113AB7", " 00:1b:44:11:3a:b7 "}) {
    EXPECT_EQ(normal_mac(text), "00:1b:44:11:3a:b7") << text;
  }
}

TEST(Claims, WhatIsNoMacOfOneDevice) {
  for (const char* text : {"", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01", "00:1b:44:11:3a",
                           "00:1b:44:11:3a:b7:99", "00:1b:44:11:3a:bx", "198.51.100.7", "0:0:1:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0"}) {
    EXPECT_EQ(normal_mac(text), std::nullopt) << text;
  }
}

TEST(Claims, PlaceholdersAreNoHardware) {
  for (const char* id : {"serial:", "serial:N/A", "serial:unknown", "serial:0000", "hwid:1", "hwid:", "unit:1", "mac:none",
                         "deveui:0000000000000000", "deveui:1234", "nothing"}) {
    EXPECT_EQ(normal_hardware_id(id), "") << id;
  }
  EXPECT_EQ(normal_hardware_id("serial: 4711 "), "serial:4711");
  EXPECT_EQ(normal_hardware_id("DevEUI:A8-40-41-00-01-18-41-E1"), "deveui:a8404100011841e1");
  EXPECT_EQ(normal_hardware_id("hwid:PowerMeter-01"), "hwid:PowerMeter-01");
}

TEST(Claims, AddressesWithAndWithoutPort) {
  EXPECT_EQ(to_string(*parse_address("198.51.100.7:502")), "198.51.100.7:502");
  EXPECT_EQ(to_string(*parse_address("[2001:db8::7]:502")), "[2001:db8::7]:502");
  EXPECT_EQ(to_string(*parse_address("2001:db8::7")), "2001:db8::7");
  for (const char* text : {"", "plc7", "198.51.100.7:", "198.51.100.7:0", "198.51.100.7:65536", "[198.51.100.7]:1", "[2001:db8::7]",
                           "198.51.100", "198.51.100.7:502x"}) {
    EXPECT_EQ(parse_address(text), std::nullopt) << text;
  }
}

TEST(Claims, KeysInAnyCaseAtTheTopAndInDesiredAndReported) {
  const auto found = claims_of(R"({"MAC_Address":"00-1b-44-11-3a-b7","serialNumber":4711,"ip":"198.51.100.7",
    "desired":{"hwId":"PowerMeter-01"},"reported":{"network":{"IPv6":"2001:db8::7","interfaces":[{"mac":"00:1b:44:11:3a:b8"}]},
    "devEUI":"A84041000118 41E1"}})");
  EXPECT_THAT(found.hardware_ids, UnorderedElementsAre("mac:00:1b:44:11:3a:b7", "serial:4711", "hwid:PowerMeter-01", "mac:00:1b:44:11:3a:b8"));
  EXPECT_THAT(found.addresses, UnorderedElementsAre(address("198.51.100.7"), address("2001:db8::7")));
}

TEST(Claims, TheAddressOfAServerIsNotTheDevices) {
  const auto found = claims_of(R"({"desired":{"mqtt":{"address":"198.51.100.1","mac":"00:1b:44:11:3a:b7"},"ntp":"198.51.100.2",
    "network":{"gateway":{"address":"198.51.100.3"}}},"list":[[{"ip":"198.51.100.4"}]],"ip":[["198.51.100.5"]]})");
  EXPECT_THAT(found.addresses, IsEmpty());
  EXPECT_THAT(found.hardware_ids, IsEmpty());
}

TEST(Claims, AnArrayStandsForItsItems) {
  const auto found = claims_of(R"({"mac":["00:1b:44:11:3a:b7",7,null,"00:1b:44:11:3a:b8"],"note":"x","ip":{"v":1},"serial":[]})");
  EXPECT_THAT(found.hardware_ids, ElementsAre("mac:00:1b:44:11:3a:b7", "mac:00:1b:44:11:3a:b8"));
}

TEST(Claims, WhatIsNoObjectClaimsNothing) {
  const std::string deep(100'000, '[');
  std::string nested;
  for (int i = 0; i < 5000; ++i) nested += "{\"network\":";
  for (const std::string& text : {std::string(), std::string("[]"), std::string("\"mac\""), std::string("7"), std::string("null"),
                                  std::string("{\"mac\":\"00:1b:44:11:3a:b7\""), std::string("{}x"), std::string("{\"a\":\"\xff\"}"),
                                  deep, "{\"mac\":" + deep, nested}) {
    Claims claims;
    EXPECT_FALSE(add_claims(text, claims)) << text.substr(0, 40);
    EXPECT_THAT(claims.hardware_ids, IsEmpty());
  }
}

TEST(Claims, AreBounded) {
  std::string json = "{\"ip\":[";
  for (int i = 1; i < 200; ++i) json += "\"198.51.100." + std::to_string(i) + "\",";
  json += "0],\"mac\":[";
  for (int i = 10; i < 99; ++i) json += "\"00:1b:44:11:3a:" + std::to_string(i) + "\",";
  const auto found = claims_of(json + "0]}");
  EXPECT_EQ(found.addresses.size(), 16U);
  EXPECT_EQ(found.hardware_ids.size(), 16U);
}

}  // namespace
}  // namespace iris::identity
