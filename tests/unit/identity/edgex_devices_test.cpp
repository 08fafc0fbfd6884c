// SPDX-License-Identifier: Apache-2.0
#include "identity/edgex_devices.h"

#include <gmock/gmock.h>

#include "documents.h"

namespace iris::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> shown(const EdgexPage& page) {
  std::vector<std::string> out;
  for (const Evidence& one : page.reading.evidence) {
    std::string text = one.name;
    for (const auto& id : one.hardware_ids) text += " " + id;
    for (const auto& address : one.addresses) text += " @" + flow::to_string(address) + "/" + std::to_string(address.protocol);
    out.push_back(text);
  }
  return out;
}

TEST(Edgex, VersionThree) {
  const EdgexPage page = read_edgex_devices(documents::kEdgexV3);
  EXPECT_TRUE(page.usable);
  EXPECT_EQ(page.returned, 7U);
  EXPECT_EQ(page.total_count, 7U);
  EXPECT_EQ(page.status_code, 200);
  EXPECT_THAT(page.reading.faults, IsEmpty());
  EXPECT_THAT(shown(page), ElementsAre("boiler-3 unit:1 @192.0.2.31:502/6", "meter-rtu unit:3 @/dev/ttyS1/0", "ahu instance:1201",
                                       "cam-1 mac:00:1b:44:11:3a:b8 endpoint:uuid-1 @192.0.2.33:80/6", "sensor-q", "random", "switch @192.0.2.35:161/0"));
  const Evidence& boiler = page.reading.evidence[0];
  EXPECT_EQ(boiler.source, Source::edgex);
  EXPECT_EQ(boiler.kind, flow::DeviceKind::edgex);
  EXPECT_EQ(boiler.status, "enabled");
  EXPECT_EQ(boiler.tags, R"({"labels":["hvac"]})");
  EXPECT_EQ(boiler.configuration, R"({"adminState":"UNLOCKED","id":"55b68fcf-0000-4000-8000-000000000001","operatingState":"UP","profileName":"boiler",)"
                                  R"("protocols":{"modbus-tcp":{"Address":"192.0.2.31","Port":502,"UnitID":1}},"serviceName":"device-modbus"})");
  EXPECT_EQ(page.reading.evidence[1].status, "disabled");
  EXPECT_EQ(page.reading.evidence[3].tags, R"({"floor":2})");
}

TEST(Edgex, VersionTwoHasTextsAndPerhapsNoTotal) {
  const EdgexPage page = read_edgex_devices(R"({"apiVersion":"v2","statusCode":200,"devices":[{"name":"a","protocols":{"modbus-tcp":{"ADDRESS":"192.0.2.1","PORT":"0x1F6","unitid":"2"}}}]})");
  EXPECT_THAT(shown(page), ElementsAre("a unit:2 @192.0.2.1:502/6"));
  EXPECT_EQ(page.total_count, std::nullopt);
  EXPECT_THAT(shown(read_edgex_devices(R"({"apiVersion":"v2","statusCode":200,"device":{"name":"one"}})")), ElementsAre("one"));
}

TEST(Edgex, VersionOneIsABareArray) {
  const EdgexPage page = read_edgex_devices(documents::kEdgexV1);
  EXPECT_THAT(shown(page), ElementsAre("old-1 @192.0.2.36:502/6", "old-2", "old-3 unit:1 @192.0.2.37:502/6"));
  EXPECT_EQ(page.returned, 4U);
  EXPECT_THAT(page.reading.faults, ElementsAre("EdgeX: device 3 has no name"));
  EXPECT_EQ(page.reading.evidence[0].configuration,
            R"({"addressable":{"address":"192.0.2.36","name":"a","path":"1","port":502,"protocol":"TCP"},"adminState":"unlocked","id":"x","operatingState":"ENABLED",)"
            R"("profileName":"boiler","serviceName":"device-modbus"})");
  EXPECT_THAT(shown(read_edgex_devices(R"({"name":"single","adminState":"LOCKED"})")), ElementsAre("single"));
}

TEST(Edgex, WhatIsNoList) {
  EXPECT_TRUE(read_edgex_devices("[]").usable);
  EXPECT_TRUE(read_edgex_devices(R"({"statusCode":200,"totalCount":0,"devices":null})").usable);
  for (const char* bad : {"", "{}", "7", R"({"statusCode":416,"message":"s3cr3t"})", R"({"devices":"x"})", R"({"statusCode":404,"devices":null})"}) {
    const EdgexPage page = read_edgex_devices(bad);
    EXPECT_FALSE(page.usable) << bad;
    EXPECT_THAT(page.reading.faults, SizeIs(1)) << bad;
  }
  const EdgexPage odd = read_edgex_devices(R"({"totalCount":-1,"devices":[7,null,[],{"name":{}},{"name":"x","protocols":[1],"tags":3,"labels":{},"addressable":[]},{"name":"y","protocols":{"a":7,"b":{"Address":[],"Port":{}}}}]})");
  EXPECT_EQ(odd.returned, 6U);
  EXPECT_EQ(odd.total_count, std::nullopt);
  EXPECT_THAT(shown(odd), ElementsAre("x", "y"));
}

}  // namespace
}  // namespace iris::identity
