// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/faults.h"

#include <gmock/gmock.h>

namespace iris::emulator {
namespace {

using nlohmann::json;

Request get(const std::string& target) {
  Request request;
  request.method = "GET";
  request.target = target;
  split_target(request);
  return request;
}

TEST(Faults, HappenInTheirOrderAndAsOftenAsAsked) {
  FaultScript script;
  const auto faults = faults_from(json::parse(
      R"([{"path":"/twins/","skip":1,"times":2,"answer":{"status":429,"error":"ThrottlingException","retry_after":"2"}},
          {"method":"GET","cut":"in_body","times":0}])"));
  ASSERT_TRUE(faults) << faults.error().message;
  for (const auto& fault : *faults) script.add(fault);

  EXPECT_EQ(script.next(get("/twins/a"))->kind, Fault::Kind::wire);  // the first is still to be skipped
  for (int i = 0; i < 2; ++i) {
    const auto fault = script.next(get("/twins/a?b"));
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->status, 429);
    EXPECT_EQ(fault->retry_after, "2");
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(script.next(get("/twins/a"))->wire.cut, WireFault::Cut::in_body);
  script.clear();
  EXPECT_FALSE(script.next(get("/twins/a")));
}

TEST(Faults, MatchTheMethodAndThePathAsSent) {
  FaultScript script;
  script.add(*fault_from(json::parse(R"({"method":"POST","path":"/a%24","empty_body":true})")));
  EXPECT_FALSE(script.next(get("/a%24b")));
  auto request = get("/a%24b");
  request.method = "POST";
  EXPECT_TRUE(script.next(request));
}

TEST(Faults, BrokenOnesAreErrors) {
  for (const auto* text : {R"({})", R"([])", R"({"cut":"somewhere"})", R"({"cut":1})", R"({"slow":{"piece_bytes":0}})",
                           R"({"change_twin":{"device":"x"}})", R"({"answer":{"status":"x"}})", R"({"skip":"x","empty_body":true})"}) {
    EXPECT_FALSE(fault_from(json::parse(text))) << text;
  }
  EXPECT_FALSE(faults_from(json::parse(R"({"a":1})")));
}

TEST(Targets, AreSplitAndDecoded) {
  const auto request = get("/twins/gw%2F1/modules/%24edgeAgent?api-version=2021-04-12&a&b=%20c");
  EXPECT_THAT(request.path, testing::ElementsAre("twins", "gw/1", "modules", "$edgeAgent"));
  EXPECT_THAT(request.query, testing::ElementsAre(testing::Pair("a", ""), testing::Pair("api-version", "2021-04-12"), testing::Pair("b", " c")));
  EXPECT_THAT(get("/devices/").path, testing::ElementsAre("devices", ""));
  EXPECT_THAT(get("/").path, testing::ElementsAre(""));
  for (const auto* broken : {"", "a", "/%", "/%4", "/%4g", "/a?b=%"}) {
    Request bad;
    bad.target = broken;
    EXPECT_FALSE(split_target(bad)) << broken;
  }
}

}  // namespace
}  // namespace iris::emulator
