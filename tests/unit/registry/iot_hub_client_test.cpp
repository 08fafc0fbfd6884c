// SPDX-License-Identifier: Apache-2.0
#include "registry/iot_hub_client.h"

#include <fstream>
#include <thread>

#include "registry/cache.h"
#include "registry/iot_hub_fixture.h"

namespace iris::registry {
namespace {

using namespace std::chrono_literals;
using test_support::FakeHub;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

using IotHubClientTest = IotHubFixture;

TEST_F(IotHubClientTest, GathersGatewayModulesAndChildrenWithTheServicePolicy) {
  EXPECT_EQ(start(), 60s);
  EXPECT_THAT(listener.names(), ElementsAre("$edgeAgent", "$edgeHub", "gw1", "modbus1", "thermostat"));
  const auto status = listener.status();
  EXPECT_EQ(status.registry, "iot_hub");
  EXPECT_EQ(status.endpoint, FakeHub::kHost);
  EXPECT_TRUE(status.connected);
  EXPECT_FALSE(status.from_cache);
  EXPECT_EQ(status.skipped, 0u);
  EXPECT_EQ(status.requests, 6u);  // three twins, two queries, the registry
  EXPECT_EQ(status.last_success_wall_ns, test_support::FakePace::kWallSeconds * 1'000'000'000);
  EXPECT_THAT(status.detail, HasSubstr("gw1: 1 device behind it, 1 module"));
}

TEST_F(IotHubClientTest, SaysWhatIotHubWantsToHear) {
  start();
  const auto seen = hub.server().seen();
  EXPECT_EQ(seen[0].target, "/twins/gw1?api-version=2021-04-12");
  EXPECT_EQ(seen[1].target, "/twins/gw1/modules/%24edgeAgent?api-version=2021-04-12");
  EXPECT_EQ(seen[0].header("Host"), FakeHub::kHost);
  EXPECT_THAT(seen[0].header("Authorization"),
              AllOf(HasSubstr("SharedAccessSignature sr=iris-hub.test&sig="), HasSubstr("&skn=service&se=1900003600")));
  EXPECT_THAT(seen[0].header("Request-Id"), testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  const auto queries = hub.queries();
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(queries[0].target, "/devices/query?api-version=2021-04-12");
  EXPECT_EQ(queries[0].header("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(queries[0].header("x-ms-max-item-count"), "1000");
  EXPECT_EQ(queries[0].body,
            R"({"query":"SELECT * FROM devices WHERE deviceScope = 'ms-azure-iot-edge://gw1-638000000000000000' OR )"
            R"x(array_contains(parentScopes, 'ms-azure-iot-edge://gw1-638000000000000000')"})x");
  EXPECT_EQ(queries[1].body, R"({"query":"SELECT * FROM devices.modules WHERE deviceId = 'gw1'"})");
}

TEST_F(IotHubClientTest, AsksForTwinsEachMinuteAndForTheRestEveryFive) {
  start();
  for (int minute = 1; minute <= 4; ++minute) EXPECT_EQ(pace.advance(60s), 60s);
  EXPECT_EQ(hub.count("/twins/gw1?"), 5u);
  EXPECT_EQ(hub.queries().size(), 2u);
  pace.advance(60s);
  EXPECT_EQ(hub.queries().size(), 4u);
  EXPECT_EQ(listener.sets(), 2u);  // the gateway, then all: since then nothing is new
}

TEST_F(IotHubClientTest, SaysOnlyWhatIsNew) {
  start();
  const auto before = listener.sets();
  hub.change([](FakeHub& h) { h.twins["/twins/gw1/modules/%24edgeHub"] = R"({"changed":true})"; });
  pace.advance(60s);
  EXPECT_EQ(listener.sets(), before + 1);
  EXPECT_THAT(listener.names(), ElementsAre("$edgeAgent", "$edgeHub", "gw1", "modbus1", "thermostat"));
  hub.change([](FakeHub& h) { h.children = {"[]"}; });
  for (int minute = 0; minute < 4; ++minute) pace.advance(60s);
  EXPECT_EQ(listener.sets(), before + 2);
  EXPECT_THAT(listener.names(), ElementsAre("$edgeAgent", "$edgeHub", "gw1", "modbus1"));
}

TEST_F(IotHubClientTest, TheRegistryIsTriedOnceAndTheRefusalSaidOnce) {
  hub.twins["/twins/gw1"] = FakeHub::gateway(R"("configurations":{"site-a":{"status":"Applied"}},)");
  start();
  EXPECT_EQ(hub.count("/devices/gw1/modules"), 1u);
  EXPECT_EQ(hub.count("/configurations"), 1u);
  const auto detail = listener.status().detail;
  EXPECT_THAT(detail, HasSubstr("'service' may not read the identity registry"));
  EXPECT_THAT(detail, HasSubstr("'service' may not read the deployments"));
  EXPECT_TRUE(listener.status().connected);
  for (int minute = 0; minute < 10; ++minute) pace.advance(60s);
  EXPECT_EQ(hub.count("/devices/gw1/modules"), 1u);
  EXPECT_EQ(hub.count("/configurations"), 1u);
  EXPECT_EQ(listener.status().detail, detail);
}

TEST_F(IotHubClientTest, AMorePowerfulPolicyTellsModulesThatTheQueryDoesNotKnowYetAndDeployments) {
  hub.registry_allowed = true;
  hub.twins["/twins/gw1"] = FakeHub::gateway(R"("configurations":{"site-a":{"status":"Applied"}},)");
  hub.twins["/devices/gw1/modules"] =
      R"([{"moduleId":"$edgeAgent"},{"moduleId":"modbus1"},{"moduleId":"fresh","authentication":{"symmetricKey":{"primaryKey":"SECRETKEY"}}}])";
  hub.twins["/twins/gw1/modules/fresh"] = FakeHub::module("fresh");
  hub.twins["/configurations"] = R"([{"id":"site-a","priority":10},{"id":"site-b"}])";
  start();
  EXPECT_THAT(listener.names(),
              ElementsAre("$edgeAgent", "$edgeHub", "deployment", "fresh", "gw1", "modbus1", "thermostat"));
  for (const auto& evidence : listener.evidence()) {
    EXPECT_THAT(evidence.configuration, Not(HasSubstr("SECRETKEY")));
    if (evidence.name == "deployment") {
      EXPECT_THAT(evidence.configuration, HasSubstr("site-a"));
    }
  }
}

TEST_F(IotHubClientTest, WaitsForTheIdOfTheGateway) {
  options.device_id.clear();
  EXPECT_EQ(start(), 1h);
  EXPECT_TRUE(hub.server().seen().empty());
  EXPECT_THAT(listener.status().detail, HasSubstr("device id of this gateway is not known"));
  const auto before = pace.waits();
  client->set_gateway_id("gw1");
  pace.await(before);
  EXPECT_THAT(listener.names(), ElementsAre("$edgeAgent", "$edgeHub", "gw1", "modbus1", "thermostat"));
}

TEST_F(IotHubClientTest, AnotherIdWithdrawsWhatWasSaidOfTheFirst) {
  start();
  const auto before = pace.waits();
  client->set_gateway_id("gw2");
  EXPECT_GE(pace.await(before), 300s);
  EXPECT_TRUE(listener.names().empty());
  EXPECT_THAT(listener.status().detail, HasSubstr("no device 'gw2'"));
}

TEST_F(IotHubClientTest, AGatewayThatIsNoEdgeDeviceHasNoChildren) {
  hub.twins = {{"/twins/gw1", R"({"deviceId":"gw1"})"}};
  hub.modules = {"[]"};
  start();
  EXPECT_THAT(listener.names(), ElementsAre("gw1"));
  EXPECT_EQ(hub.queries().size(), 1u);
  EXPECT_TRUE(listener.status().connected);
}

TEST_F(IotHubClientTest, IdsAreEncodedInPathsAndEscapedInQueries) {
  options.device_id = "gw'1#\\";
  hub.twins = {{"/twins/gw%271%23%5C", R"({"deviceId":"gw'1#\\"})"}};
  hub.modules = {"[]"};
  start();
  EXPECT_EQ(listener.names().size(), 1u);
  EXPECT_THAT(nlohmann::json::parse(hub.queries()[0].body)["query"].get<std::string>(), HasSubstr(R"(deviceId = 'gw\'1#\\')"));
}

TEST_F(IotHubClientTest, CreateRefusesTheStringOfADevice) {
  options.connection_string = Secret("HostName=h;DeviceId=gw1;SharedAccessKey=TQ==");
  const auto made = IotHubClient::create(options, name_readers(), pace);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("of a device or module"));
}

TEST_F(IotHubClientTest, StopsWhileTheHubHangs) {
  hub.fault("/twins/gw1", 1, [this](const auto&, auto&) { hub.server().hang(); });
  create();
  client->start(listener);
  hub.server().await(1);
  client->stop();  // returns although the hub never answers
  EXPECT_EQ(hub.server().seen().size(), 1u);
  EXPECT_EQ(listener.sets(), 0u);
}

TEST_F(IotHubClientTest, StopsWhileItWaits) {
  start();
  client->stop();
  client->stop();
}

TEST_F(IotHubClientTest, StopsBeforeItWasStarted) {
  create();
  client->stop();
}

}  // namespace
}  // namespace iris::registry
