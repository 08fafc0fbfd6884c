// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "curl_client.h"
#include "emulators/iot_hub/emulator.h"

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;
using test_support::CurlAnswer;
using test_support::CurlClient;

class IotHub : public testing::Test {
 protected:
  void start(ServiceOptions service = {}, Hub hub = small_hub()) {
    Options options;
    service.now_unix_s = [] { return std::int64_t{1'893'000'000}; };
    options.service = std::move(service);
    auto started = Emulator::start(std::move(options), std::move(hub));
    ASSERT_TRUE(started) << started.error().message;
    emulator_ = std::move(*started);
    client_ = std::make_unique<CurlClient>(emulator_->port(), emulator_->ca_pem());
  }

  static Hub small_hub() {
    Hub hub;
    hub.put_device({{"deviceId", "gw1"}, {"capabilities", {{"iotEdge", true}}}, {"tags", {{"site", "plant-a"}}}});
    for (int i = 0; i < 4; ++i) hub.put_device({{"deviceId", "leaf" + std::to_string(i)}});
    for (const auto* name : {"$edgeAgent", "$edgeHub", "modbus1"}) hub.put_module({{"deviceId", "gw1"}, {"moduleId", name}});
    hub.put_configuration({{"id", "site-a"}});
    return hub;
  }

  std::string authorization(const std::string& policy) const {
    const std::string sr = "iris-hub.azure-devices.net";
    std::string sig;
    for (const char c : sas_signature(made_up_policies().at(policy).key, sr, "1893456000")) {
      sig += c == '+' ? "%2b" : (c == '/' ? "%2f" : (c == '=' ? "%3d" : std::string(1, c)));
    }
    return "Authorization: SharedAccessSignature sr=" + sr + "&sig=" + sig + "&se=1893456000&skn=" + policy;
  }

  CurlAnswer get(const std::string& path, const std::string& policy = "service", const std::string& query = "?api-version=2021-04-12") {
    return client_->get("https://iris-hub.azure-devices.net" + path + query, {authorization(policy)});
  }
  CurlAnswer query(const std::string& text, const std::vector<std::string>& more = {}) {
    std::vector<std::string> headers{authorization("service"), "Content-Type: application/json; charset=utf-8"};
    headers.insert(headers.end(), more.begin(), more.end());
    return client_->post("https://iris-hub.azure-devices.net/devices/query?api-version=2021-04-12", headers, json{{"query", text}}.dump());
  }
  static std::vector<std::string> ids(const CurlAnswer& answer) {
    std::vector<std::string> ids;
    for (const auto& twin : json::parse(answer.body)) ids.push_back(twin.at("deviceId"));
    return ids;
  }
  static std::string continuation(const CurlAnswer& answer) { return "x-ms-continuation: " + answer.headers.at("x-ms-continuation"); }
  static json message(const CurlAnswer& answer) { return json::parse(answer.body).at("Message"); }

  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<CurlClient> client_;
};

TEST_F(IotHub, PagesUntilTheContinuationIsAbsent) {
  start();
  const auto first = query("SELECT * FROM devices", {"x-ms-max-item-count: 2"});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.headers.at("content-type"), "application/json; charset=utf-8");
  EXPECT_EQ(first.headers.at("x-ms-item-type"), "Twin");
  EXPECT_THAT(ids(first), testing::ElementsAre("gw1", "leaf0"));
  const auto second = query("SELECT * FROM devices", {"x-ms-max-item-count: 2", continuation(first)});
  EXPECT_THAT(ids(second), testing::ElementsAre("leaf1", "leaf2"));
  const auto third = query("SELECT * FROM devices", {"x-ms-max-item-count: 2", continuation(second)});
  EXPECT_THAT(ids(third), testing::ElementsAre("leaf3"));
  EXPECT_FALSE(third.headers.contains("x-ms-continuation"));
}

TEST_F(IotHub, AContinuationIsOfOneQuery) {
  start();
  const auto first = query("SELECT * FROM devices", {"x-ms-max-item-count: 2"});
  EXPECT_EQ(query("SELECT * FROM devices WHERE status = 'enabled'", {continuation(first)}).status, 400);
  EXPECT_EQ(query("SELECT * FROM devices", {"x-ms-continuation: 7"}).status, 400);
  EXPECT_EQ(query("SELECT * FROM devices", {"x-ms-max-item-count: 0"}).status, 400);
  EXPECT_EQ(query("SELECT * FROM devices", {"x-ms-max-item-count: x"}).status, 400);
}

TEST_F(IotHub, TheServiceMayGiveLessThanAsked) {
  start({.largest_page = 3});
  EXPECT_EQ(ids(query("SELECT * FROM devices", {"x-ms-max-item-count: 1000"})).size(), 3U);
}

TEST_F(IotHub, RemovedAndNewTwinsDoNotShiftPages) {
  start();
  const auto first = query("SELECT * FROM devices", {"x-ms-max-item-count: 2"});
  emulator_->service().change([](Hub& hub) {
    hub.devices.erase("leaf0");
    hub.put_device({{"deviceId", "aaa"}});
    hub.put_device({{"deviceId", "leaf9"}});
  });
  EXPECT_THAT(ids(query("SELECT * FROM devices", {continuation(first)})), testing::ElementsAre("leaf1", "leaf2", "leaf3", "leaf9"));
}

TEST_F(IotHub, CollectionsAreApart) {
  start();
  EXPECT_EQ(ids(query("SELECT * FROM devices.modules WHERE deviceId = 'gw1'")).size(), 3U);
  EXPECT_THAT(ids(query("SELECT * FROM devices WHERE capabilities.iotEdge = true")), testing::ElementsAre("gw1"));
  const auto raw = query("SELECT COUNT() AS n FROM devices");
  EXPECT_EQ(raw.headers.at("x-ms-item-type"), "Raw");
  EXPECT_EQ(json::parse(raw.body), json::parse(R"([{"n":5}])"));
  EXPECT_THAT(ids(query("SELECT TOP 3 * FROM devices")), testing::ElementsAre("gw1", "leaf0", "leaf1"));
}

TEST_F(IotHub, TopHoldsOverPages) {
  start();
  const auto first = query("SELECT TOP 3 * FROM devices", {"x-ms-max-item-count: 2"});
  const auto second = query("SELECT TOP 3 * FROM devices", {"x-ms-max-item-count: 2", continuation(first)});
  EXPECT_THAT(ids(second), testing::ElementsAre("leaf1"));
  EXPECT_FALSE(second.headers.contains("x-ms-continuation"));
}

TEST_F(IotHub, SystemModulesMayBeHidden) {
  start({.lists_system_modules = false});
  EXPECT_EQ(ids(query("SELECT * FROM devices.modules")).size(), 1U);
  EXPECT_EQ(ids(query("SELECT * FROM devices.modules WHERE moduleId IN ['$edgeAgent']")).size(), 1U);
}

TEST_F(IotHub, QueriesMayLagTwinsDoNot) {
  start();
  emulator_->service().hold_queries(true);
  emulator_->service().change([](Hub& hub) { hub.patch_twin("gw1", "", {{"tags", {{"site", "plant-b"}}}}); });
  EXPECT_THAT(ids(query("SELECT * FROM devices WHERE tags.site = 'plant-a'")), testing::ElementsAre("gw1"));
  EXPECT_EQ(json::parse(get("/twins/gw1").body)["tags"]["site"], "plant-b");
  emulator_->service().hold_queries(false);
  EXPECT_THAT(ids(query("SELECT * FROM devices WHERE tags.site = 'plant-b'")), testing::ElementsAre("gw1"));
}

TEST_F(IotHub, TwinsAndTheirAbsence) {
  start();
  const auto agent = get("/twins/gw1/modules/%24edgeAgent");
  EXPECT_EQ(json::parse(agent.body)["moduleId"], "$edgeAgent");
  EXPECT_EQ(agent.headers.at("etag"), "\"AAAAAAAAAAE=\"");
  const auto device = get("/twins/nobody");
  EXPECT_EQ(device.status, 404);
  EXPECT_EQ(device.headers.at("iothub-errorcode"), "DeviceNotFound");
  EXPECT_EQ(device.headers.at("content-type"), "application/json; charset=utf-8");
  EXPECT_EQ(message(device), "ErrorCode:DeviceNotFound;no such device 'nobody'");
  EXPECT_EQ(get("/twins/gw1/modules/x").headers.at("iothub-errorcode"), "ModuleNotFound");
  EXPECT_EQ(get("/twins/").status, 404);
}

TEST_F(IotHub, ErrorsMayBeSpeltAsJson) {
  start({.error_style = ErrorStyle::json});
  const auto inner = json::parse(message(get("/twins/nobody")).get<std::string>());
  EXPECT_EQ(inner["errorCode"], 404001);
  EXPECT_EQ(inner["message"], "no such device 'nobody'");
}

TEST_F(IotHub, PoliciesOpenWhatTheyShould) {
  start();
  const std::map<std::string, std::vector<long>> expected{  // twin, identity, statistics, configurations
      {"service", {200, 401, 401, 401}},          {"registryRead", {401, 200, 200, 200}}, {"registryReadWrite", {401, 200, 200, 200}},
      {"device", {401, 401, 401, 401}},           {"iothubowner", {200, 200, 200, 200}}};
  for (const auto& [policy, codes] : expected) {
    EXPECT_EQ((std::vector<long>{get("/twins/gw1", policy).status, get("/devices/gw1", policy).status,
                                 get("/statistics/devices", policy).status, get("/configurations", policy).status}), codes) << policy;
  }
  const auto refused = get("/devices/gw1", "service");
  EXPECT_EQ(refused.headers.at("iothub-errorcode"), "IotHubUnauthorizedAccess");
  EXPECT_EQ(message(refused), "ErrorCode:IotHubUnauthorizedAccess;Unauthorized");
  EXPECT_EQ(emulator_->service().seen().back().refused, "a policy without the permission");
}

TEST_F(IotHub, TheRegistryHoldsKeys) {
  start();
  EXPECT_THAT(get("/devices/gw1", "registryRead").body, testing::HasSubstr(fake_key("gw1", true)));
  EXPECT_EQ(json::parse(get("/devices/", "registryRead").body).size(), 5U);
  EXPECT_EQ(json::parse(get("/devices", "registryRead", "?top=2&api-version=2021-04-12").body).size(), 2U);
  EXPECT_EQ(get("/devices", "registryRead", "?top=1001&api-version=2021-04-12").status, 400);
  EXPECT_EQ(json::parse(get("/devices/gw1/modules", "registryRead").body).size(), 3U);
  EXPECT_EQ(json::parse(get("/devices/gw1/modules/%24edgeHub", "registryRead").body)["moduleId"], "$edgeHub");
  EXPECT_EQ(get("/configurations/site-b", "registryRead").headers.at("iothub-errorcode"), "ConfigurationNotFound");
}

TEST_F(IotHub, EveryRequestNeedsAVersionAndATokenAndTheHubsName) {
  start();
  EXPECT_EQ(get("/twins/gw1", "service", "").status, 400);
  EXPECT_EQ(get("/twins/gw1", "service", "?api-version=1999-01-01").status, 400);
  EXPECT_EQ(client_->get("https://iris-hub.azure-devices.net/twins/gw1?api-version=2021-04-12").status, 401);
  const auto other = client_->get("https://localhost/twins/gw1?api-version=2021-04-12", {authorization("service")});
  EXPECT_EQ(other.headers.at("iothub-errorcode"), "IotHubNotFound");
  EXPECT_EQ(client_->get("https://other.azure-devices.net/").code, CURLE_PEER_FAILED_VERIFICATION);
}

TEST_F(IotHub, RefusesOldTls) {
  start();
  client_->set_option(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_0} | long{CURL_SSLVERSION_MAX_TLSv1_1});
  EXPECT_EQ(get("/twins/gw1").code, CURLE_SSL_CONNECT_ERROR);
}

TEST_F(IotHub, Throttles) {
  start({.rates = *rates_of_tier("s1", 1)});
  for (int i = 0; i < 20; ++i) ASSERT_EQ(query("SELECT * FROM devices").status, 200);
  const auto refused = query("SELECT * FROM devices");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("iothub-errorcode"), "ThrottlingException");
  EXPECT_GT(std::stoi(refused.headers.at("retry-after")), 0);
  EXPECT_EQ(get("/twins/gw1").status, 200);
  emulator_->service().set_rates({});
  EXPECT_EQ(query("SELECT * FROM devices").status, 200);
}

TEST_F(IotHub, ScriptedFaults) {
  start();
  for (const auto* text :
       {R"({"path":"/twins/gw1","answer":{"status":429,"error":"ThrottlingException","retry_after":"Wed, 02 Jan 2030 03:04:05 GMT"}})",
        R"({"path":"/twins/gw1","answer":{"status":503}})",
        R"({"path":"/twins/gw1","answer":{"status":200,"body":"[{","content_type":"application/json; charset=utf-8"}})",
        R"({"path":"/twins/gw1","empty_body":true})",
        R"({"path":"/twins/gw1","change_twin":{"device":"gw1","patch":{"tags":{"site":"plant-b"}}}})"}) {
    emulator_->service().faults().add(*emulator::fault_from(json::parse(text)));
  }
  const auto throttled = get("/twins/gw1");
  EXPECT_EQ(throttled.status, 429);
  EXPECT_EQ(throttled.headers.at("retry-after"), "Wed, 02 Jan 2030 03:04:05 GMT");
  const auto busy = get("/twins/gw1");
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.body, "");
  EXPECT_FALSE(busy.headers.contains("content-type"));
  const auto broken = get("/twins/gw1");
  EXPECT_EQ(broken.body, "[{");
  EXPECT_EQ(broken.headers.at("content-type"), "application/json; charset=utf-8");
  const auto empty = get("/twins/gw1");
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.body, "");
  EXPECT_EQ(json::parse(get("/twins/gw1").body)["tags"]["site"], "plant-a");
  EXPECT_EQ(json::parse(get("/twins/gw1").body)["tags"]["site"], "plant-b");
}

TEST_F(IotHub, AnEmptyPageHasASuccessor) {
  start();
  emulator_->service().faults().add(*emulator::fault_from(json::parse(R"({"path":"/devices/query","empty_page":true})")));
  const auto empty = query("SELECT * FROM devices");
  EXPECT_EQ(empty.body, "[]");
  EXPECT_EQ(ids(query("SELECT * FROM devices", {continuation(empty)})).size(), 5U);
}

TEST_F(IotHub, BrokenQueriesAreRefused) {
  start();
  EXPECT_EQ(query("SELECT * FROM nowhere").headers.at("iothub-errorcode"), "ArgumentInvalid");
  const auto url = "https://iris-hub.azure-devices.net/devices/query?api-version=2021-04-12";
  const auto json_type = "Content-Type: application/json";
  EXPECT_EQ(client_->post(url, {authorization("service"), json_type}, std::string(50'000, '[')).status, 400);
  EXPECT_EQ(client_->post(url, {authorization("service"), json_type}, R"({"query":1})").status, 400);
  EXPECT_EQ(client_->post(url, {authorization("service"), "Content-Type: text/plain"}, R"({"query":"SELECT * FROM devices"})").status, 415);
  EXPECT_EQ(client_->post("https://iris-hub.azure-devices.net/devices/x?api-version=2021-04-12", {authorization("iothubowner")}, "{}").status, 405);
}

TEST_F(IotHub, ABigHubComesInTenPages) {
  start({}, big_hub({}));
  std::vector<std::string> more{"x-ms-max-item-count: 1000"};
  std::size_t rows = 0;
  int pages = 0;
  for (bool last = false; !last && pages < 20; ++pages) {
    const auto answer = query("SELECT * FROM devices", more);
    rows += ids(answer).size();
    last = !answer.headers.contains("x-ms-continuation");
    if (!last) more = {"x-ms-max-item-count: 1000", continuation(answer)};
  }
  EXPECT_EQ(rows, 10'000U);
  EXPECT_EQ(pages, 10);
}

TEST_F(IotHub, ConnectionStringsHaveTheHubsForm) {
  start();
  EXPECT_THAT(emulator_->connection_string("service"),
              testing::MatchesRegex("HostName=iris-hub.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=[A-Za-z0-9+/]+=*"));
  EXPECT_EQ(emulator_->connection_string("nosuch"), "");
}

}  // namespace
}  // namespace iris::iot_hub_emulator
