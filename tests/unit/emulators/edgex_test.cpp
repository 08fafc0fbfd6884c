// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "curl_client.h"
#include "emulators/edgex/emulator.h"

namespace iris::edgex_emulator {
namespace {

using nlohmann::json;
using test_support::CurlAnswer;
using test_support::CurlClient;

class Edgex : public testing::Test {
 protected:
  void start(ServiceOptions service, std::size_t devices) {
    Options options;
    options.service = service;
    auto started = Emulator::start(std::move(options), many_devices(devices, service.api));
    ASSERT_TRUE(started) << started.error().message;
    emulator_ = std::move(*started);
    client_ = std::make_unique<CurlClient>(emulator_->port());
  }
  CurlAnswer get(const std::string& path, const std::vector<std::string>& headers = {}) { return client_->get("http://localhost" + path, headers); }
  json body(const std::string& path) { return json::parse(get(path).body); }

  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<CurlClient> client_;
};

TEST_F(Edgex, PagesOfTwentyUnlessAsked) {
  start({}, 45);
  const auto first = body("/api/v3/device/all");
  EXPECT_EQ(first["apiVersion"], "v3");
  EXPECT_EQ(first["statusCode"], 200);
  EXPECT_EQ(first["totalCount"], 45);
  EXPECT_EQ(first["devices"].size(), 20U);
  const auto last = body("/api/v3/device/all?offset=40&limit=100");
  EXPECT_EQ(last["devices"].size(), 5U);
  EXPECT_EQ(last["devices"][0]["name"], "meter-00040");
  EXPECT_EQ(body("/api/v3/device/all?offset=45&limit=100")["devices"].size(), 0U);
  EXPECT_EQ(body("/api/v3/device/all?limit=0")["devices"].size(), 0U);
}

TEST_F(Edgex, MinusOneIsTheServersMaximum) {
  start({.max_result_count = 30}, 45);
  EXPECT_EQ(body("/api/v3/device/all?limit=-1")["devices"].size(), 30U);
  EXPECT_EQ(get("/api/v3/device/all?limit=31").status, 400);
}

TEST_F(Edgex, BoundsAreChecked) {
  start({}, 3);
  for (const auto* bad : {"limit=-2", "limit=1025", "limit=x", "limit=1x", "offset=-1", "offset=x", "limit=99999999999999999999"}) {
    const auto answer = get(std::string("/api/v3/device/all?") + bad);
    EXPECT_EQ(answer.status, 400) << bad;
    EXPECT_EQ(json::parse(answer.body)["statusCode"], 400) << bad;
  }
  EXPECT_EQ(get("/api/v3/device/all?offset=3").status, 200);
  EXPECT_EQ(get("/api/v3/device/all?offset=4").status, 416);
  emulator_->service().set_devices({});
  EXPECT_EQ(get("/api/v3/device/all?offset=4").status, 200);
}

TEST_F(Edgex, LabelsAndNames) {
  start({}, 10);
  EXPECT_EQ(body("/api/v3/device/all?labels=modbus,odd")["totalCount"], 5);
  EXPECT_EQ(body("/api/v3/device/name/meter-00003")["device"]["name"], "meter-00003");
  EXPECT_EQ(get("/api/v3/device/name/nothing").status, 404);
}

TEST_F(Edgex, OtherVersionsAreNotFound) {
  start({.api = Api::v2, .total_count = false}, 3);
  EXPECT_EQ(get("/api/v3/ping").status, 404);
  EXPECT_EQ(body("/api/v2/ping")["apiVersion"], "v2");
  const auto all = body("/api/v2/device/all");
  EXPECT_FALSE(all.contains("totalCount"));
  EXPECT_EQ(all["devices"][0]["protocols"]["modbus-tcp"]["Port"], "502");
}

TEST_F(Edgex, TheFirstVersionHasNoPages) {
  start({.api = Api::v1}, 100);
  EXPECT_EQ(get("/api/v1/ping").body, "pong");
  EXPECT_EQ(body("/api/v1/device").size(), 100U);
  EXPECT_EQ(body("/api/v1/device/name/meter-00007")["service"]["name"], "device-modbus");
  EXPECT_EQ(get("/api/v1/device/name/x").status, 404);
  emulator_->service().set_devices(many_devices(101, Api::v1));
  EXPECT_EQ(get("/api/v1/device").status, 413);
}

TEST_F(Edgex, SecureModeNeedsAToken) {
  start({.tokens = {"eyJ.a.b"}}, 1);
  EXPECT_EQ(get("/api/v3/device/all").status, 401);
  EXPECT_EQ(get("/api/v3/device/all", {"Authorization: Bearer eyJ.a.c"}).status, 401);
  EXPECT_EQ(get("/api/v3/device/all", {"Authorization: eyJ.a.b"}).status, 401);
  EXPECT_EQ(get("/api/v3/device/all", {"Authorization: Bearer eyJ.a.b"}).status, 200);
  EXPECT_EQ(get("/api/v3/ping").status, 200);
  EXPECT_TRUE(emulator_->service().seen()[3].authorized);
}

TEST_F(Edgex, ChangesFaultsAndCorrelation) {
  start({}, 1);
  emulator_->service().set_devices(many_devices(2, Api::v3));
  EXPECT_EQ(body("/api/v3/device/all")["totalCount"], 2);
  EXPECT_EQ(get("/api/v3/ping", {"X-Correlation-ID: abc"}).headers.at("x-correlation-id"), "abc");
  emulator_->service().faults().add(*emulator::fault_from(json::parse(R"({"answer":{"status":503,"retry_after":"1"}})")));
  emulator_->service().faults().add(*emulator::fault_from(json::parse(R"({"cut":"in_body"})")));
  EXPECT_EQ(get("/api/v3/device/all").status, 503);
  EXPECT_EQ(get("/api/v3/device/all").code, CURLE_PARTIAL_FILE);
  EXPECT_EQ(get("/api/v3/device/all").status, 200);
}

}  // namespace
}  // namespace iris::edgex_emulator
