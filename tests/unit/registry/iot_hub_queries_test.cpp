// SPDX-License-Identifier: Apache-2.0
#include <fstream>

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

struct IotHubQueriesTest : IotHubFixture {
  std::vector<std::string> children() const {
    std::vector<std::string> names;
    for (const auto& one : listener.evidence()) {
      if (one.parent == "gw1") names.push_back(one.name);
    }
    return names;
  }
  std::string cache_file() const { return folder / "cache"; }
  void put_cache(const std::string& endpoint, const std::string& gateway) {
    identity::Evidence known;
    known.name = "known before";
    ASSERT_TRUE(write_cache(cache_file(), {"iot_hub", endpoint, gateway}, 77, identity::share({known})));
    options.cache_file = cache_file();
  }
};

TEST_F(IotHubQueriesTest, FollowsPagesToTheirEndThroughAnEmptyOne) {
  hub.children = {"[" + FakeHub::child("a") + "]", "[]", "[" + FakeHub::child("b") + "," + FakeHub::child("c") + "]"};
  start();
  EXPECT_THAT(children(), ElementsAre("a", "b", "c"));
  const auto queries = hub.queries();
  ASSERT_EQ(queries.size(), 4u);
  EXPECT_EQ(queries[0].header("x-ms-continuation"), "");
  EXPECT_EQ(queries[1].header("x-ms-continuation"), R"({"t":"+1\"'=="})");  // the server decodes %2B
  EXPECT_EQ(queries[2].header("x-ms-continuation"), R"({"t":"+2\"'=="})");
  EXPECT_EQ(queries[1].body, queries[0].body);
}

TEST_F(IotHubQueriesTest, OfATwinThatChangedBetweenPagesTheLaterCounts) {
  hub.children = {"[" + FakeHub::child("a", R"({"v":1})") + "]", "[" + FakeHub::child("a", R"({"v":2})") + "]"};
  start();
  ASSERT_THAT(children(), ElementsAre("a"));
  EXPECT_EQ(listener.evidence().back().tags, "{\"v\":2}");
}

TEST_F(IotHubQueriesTest, ThePageThatFailedIsAskedForAgainAndNoOther) {
  hub.children = {"[" + FakeHub::child("a") + "]", "[" + FakeHub::child("b") + "]"};
  int page = 0;
  hub.fault("/devices/query", 2, [&page](const auto& request, auto& response) {
    if (++page == 2) {
      response.status = 503;
      return;
    }
    EXPECT_FALSE(request.has_header("x-ms-continuation"));
    response.set_header("x-ms-continuation", R"({"t":"%2B1\"'=="})");
    response.set_content("[" + FakeHub::child("a") + "]", "application/json");
  });
  pace.advance(start());
  EXPECT_THAT(children(), ElementsAre("a", "b"));
  const auto queries = hub.queries();
  ASSERT_EQ(queries.size(), 4u);
  EXPECT_EQ(queries[1].header("x-ms-continuation"), queries[2].header("x-ms-continuation"));
}

TEST_F(IotHubQueriesTest, AContinuationThatHasExpiredStartsTheQueryAgain) {
  hub.fault("/devices/query", 1, [](const auto&, auto& response) {
    response.set_header("x-ms-continuation", "expired");
    response.set_content("[" + FakeHub::child("a") + "]", "application/json");
  });
  start();
  EXPECT_THAT(children(), ElementsAre("a", "thermostat"));
  EXPECT_EQ(hub.queries()[2].header("x-ms-continuation"), "");
}

TEST_F(IotHubQueriesTest, AContinuationThatCannotBeSentBackEndsTheQuery) {
  hub.fault("/devices/query", 1, [](const auto&, auto& response) {
    response.set_header("x-ms-continuation", std::string(9'000, 'z'));
    response.set_content("[" + FakeHub::child("a") + "]", "application/json");
  });
  start();
  EXPECT_THAT(children(), ElementsAre("a"));
  EXPECT_THAT(listener.status().detail, HasSubstr("cannot be sent back"));
  EXPECT_TRUE(listener.status().connected);
}

TEST_F(IotHubQueriesTest, PagesWithoutAnEndAreGivenUp) {
  options.max_devices = 10;
  options.queries_per_minute = 1000;
  hub.fault("/devices/query", 102, [](const auto&, auto& response) {
    response.set_header("x-ms-continuation", "more");
    response.set_content("[]", "application/json");
  });
  start();
  EXPECT_THAT(listener.status().detail, HasSubstr("do not end"));
  EXPECT_EQ(hub.queries().size(), 103u);
}

TEST_F(IotHubQueriesTest, KeepsToItsQueriesAMinute) {
  options.queries_per_minute = 10;
  hub.children.clear();
  for (int page = 0; page < 23; ++page) hub.children.push_back("[" + FakeHub::child("d" + std::to_string(page)) + "]");
  EXPECT_EQ(start(), 60s);
  EXPECT_EQ(hub.queries().size(), 10u);
  EXPECT_EQ(pace.advance(59s), 1s);
  EXPECT_EQ(hub.queries().size(), 10u);
  pace.advance(1s);
  EXPECT_EQ(hub.queries().size(), 20u);
  pace.advance(60s);
  EXPECT_EQ(hub.queries().size(), 24u);
  EXPECT_EQ(children().size(), 23u);
}

TEST_F(IotHubQueriesTest, PagesThatAreTooLargeAreAskedForSmaller) {
  options.max_body_bytes = 10'000;
  hub.fault("/devices/query", 2, [](const auto&, auto& response) {
    response.set_content("[\"" + std::string(20'000, 'x') + "\"]", "application/json");
  });
  EXPECT_EQ(start(), 60s);
  EXPECT_THAT(children(), ElementsAre("thermostat"));
  const auto queries = hub.queries();
  ASSERT_EQ(queries.size(), 4u);
  EXPECT_EQ(queries[0].header("x-ms-max-item-count"), "1000");
  EXPECT_EQ(queries[1].header("x-ms-max-item-count"), "100");
  EXPECT_EQ(queries[2].header("x-ms-max-item-count"), "10");
  EXPECT_EQ(queries[3].header("x-ms-max-item-count"), "10");
}

TEST_F(IotHubQueriesTest, PagesThatStayTooLargeAreSaid) {
  options.max_body_bytes = 10'000;
  hub.fault("/devices/query", 3, [](const auto&, auto& response) {
    response.set_content("[\"" + std::string(20'000, 'x') + "\"]", "application/json");
  });
  EXPECT_EQ(start(), 60s);
  EXPECT_THAT(listener.status().detail, HasSubstr("devices behind the gateway cannot be read"));
  EXPECT_EQ(hub.queries().size(), 4u);
}

TEST_F(IotHubQueriesTest, AnOlderHubIsAskedWithoutParentScopes) {
  hub.fault("/devices/query", 1, FakeHub::status(400, "ArgumentInvalid"));
  start();
  EXPECT_THAT(children(), ElementsAre("thermostat"));
  for (int minute = 0; minute < 5; ++minute) pace.advance(60s);
  const auto queries = hub.queries();
  ASSERT_EQ(queries.size(), 5u);
  EXPECT_THAT(queries[1].body, AllOf(HasSubstr("deviceScope = "), Not(HasSubstr("parentScopes"))));
  EXPECT_THAT(queries[3].body, Not(HasSubstr("parentScopes")));
}

TEST_F(IotHubQueriesTest, DevicesAndModulesBeyondTheLimitsAreCounted) {
  options.max_devices = 3;
  options.max_modules = 2;
  hub.children = {"[" + FakeHub::child("a") + "," + FakeHub::child("b") + "]",
                  "[" + FakeHub::child("c") + "," + FakeHub::child("d") + "," + FakeHub::child("e") + "]",
                  "[" + FakeHub::child("f") + "]"};
  hub.modules = {"[" + FakeHub::module("m1") + "," + FakeHub::module("m2") + "," + FakeHub::module("m3") + "]"};
  start();
  EXPECT_THAT(children(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(listener.status().skipped, 4u);  // d, e, what is behind page 2, m3
  EXPECT_THAT(listener.status().detail, AllOf(HasSubstr("more than 3 devices"), HasSubstr("more modules")));
  EXPECT_EQ(hub.queries().size(), 3u);
}

TEST_F(IotHubQueriesTest, ATwinThatCannotBeUsedIsCountedAndTheOthersKept) {
  hub.children = {"[" + FakeHub::child("a") + ",{},7," + FakeHub::child("b") + "]"};
  hub.modules = {"[" + FakeHub::module("m1") + R"(,{"deviceId":"gw1"},{"deviceId":"other","moduleId":"m2"}])"};
  start();
  EXPECT_THAT(children(), ElementsAre("a", "b"));
  EXPECT_EQ(listener.status().skipped, 4u);
  EXPECT_THAT(listener.status().detail, HasSubstr("could not be used: no deviceId"));
}

TEST_F(IotHubQueriesTest, TheTwinsOfTranslatingModulesAreAskedForEachMinute) {
  auto readers = name_readers();
  readers.gateway = [gateway = readers.gateway](const GatewayDocuments& documents) {
    auto reading = gateway(documents);
    identity::Evidence slave;
    slave.source = identity::Source::modbus_module;
    slave.kind = flow::DeviceKind::manufactured;
    slave.name = "slave";
    slave.module_id = "modbus1";
    reading.evidence.push_back(slave);
    return reading;
  };
  create(std::move(readers));
  hub.twins["/twins/gw1/modules/modbus1"] = R"({"deviceId":"gw1","moduleId":"modbus1","new":true})";
  start();
  EXPECT_EQ(hub.count("/twins/gw1/modules/modbus1"), 0u);
  pace.advance(60s);
  EXPECT_EQ(hub.count("/twins/gw1/modules/modbus1"), 1u);
  bool found = false;
  for (const auto& one : listener.evidence()) found = found || one.configuration.find("\"new\"") != std::string::npos;
  EXPECT_TRUE(found);
}

TEST_F(IotHubQueriesTest, StartsFromTheCacheWithoutACloud) {
  put_cache(FakeHub::kHost, "gw1");
  hub.fault("/", 2, FakeHub::status(503));
  const auto pause = start();
  EXPECT_THAT(listener.names(), ElementsAre("known before"));
  EXPECT_TRUE(listener.status().from_cache);
  EXPECT_FALSE(listener.status().connected);
  EXPECT_EQ(listener.status().last_success_wall_ns, 77u);
  EXPECT_THAT(listener.status().detail, HasSubstr("known before the start"));
  pace.advance(pace.advance(pause));
  EXPECT_FALSE(listener.status().from_cache);
  EXPECT_EQ(listener.names().size(), 5u);
}

TEST_F(IotHubQueriesTest, WhatIsCachedStaysUntilAllIsKnownAnew) {
  put_cache(FakeHub::kHost, "gw1");
  hub.fault("/devices/query", 1, FakeHub::status(503));
  const auto pause = start();
  EXPECT_THAT(listener.names(), ElementsAre("known before"));
  EXPECT_TRUE(listener.status().from_cache);
  EXPECT_EQ(listener.sets(), 1u);
  pace.advance(pause);
  EXPECT_FALSE(listener.status().from_cache);
  EXPECT_EQ(listener.sets(), 2u);
}

TEST_F(IotHubQueriesTest, TheCacheOfAnotherHubOrGatewayIsNotUsed) {
  put_cache("another-hub.test", "gw1");
  hub.fault("/", 1, FakeHub::status(503));
  start();
  EXPECT_EQ(listener.sets(), 0u);
  client->stop();
  client.reset();
  put_cache(FakeHub::kHost, "gw2");
  hub.fault("/", 1, FakeHub::status(503));
  start();
  EXPECT_EQ(listener.sets(), 0u);
}

TEST_F(IotHubQueriesTest, TheCacheServesUntilTheIdOfTheGatewayIsKnown) {
  put_cache(FakeHub::kHost, "gw1");
  options.device_id.clear();
  start();
  EXPECT_THAT(listener.names(), ElementsAre("known before"));
  const auto before = pace.waits();
  client->set_gateway_id("gw1");
  pace.await(before);
  EXPECT_EQ(listener.names().size(), 5u);
  EXPECT_EQ(listener.sets(), 2u);  // nothing was withdrawn in between
}

TEST_F(IotHubQueriesTest, TheCacheOfAnotherGatewayIsWithdrawnWhenTheIdIsKnown) {
  put_cache(FakeHub::kHost, "gw-old");
  options.device_id.clear();
  start();
  hub.fault("/", 1, FakeHub::status(503));
  const auto before = pace.waits();
  client->set_gateway_id("gw1");
  pace.await(before);
  EXPECT_TRUE(listener.names().empty());
  EXPECT_FALSE(listener.status().from_cache);
}

TEST_F(IotHubQueriesTest, ADamagedCacheIsSaidAndIgnored) {
  put_cache(FakeHub::kHost, "gw1");
  std::ofstream(cache_file(), std::ios::app) << "x";
  hub.fault("/", 1, FakeHub::status(503));
  const auto pause = start();
  EXPECT_EQ(listener.sets(), 0u);
  EXPECT_THAT(listener.status().detail, HasSubstr("damaged"));
  pace.advance(pause);
  EXPECT_THAT(listener.status().detail, Not(HasSubstr("damaged")));
  EXPECT_TRUE(read_cache(cache_file()));
}

TEST_F(IotHubQueriesTest, TheCacheIsWrittenWhenThereIsNewsAndNotTooOften) {
  options.cache_file = cache_file();
  start();
  const auto first = read_cache(cache_file());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->evidence.size(), 5u);
  EXPECT_EQ(first->key.gateway, "gw1");
  hub.change([](FakeHub& h) { h.twins["/twins/gw1/modules/%24edgeHub"] = R"({"changed":true})"; });
  pace.advance(60s);
  EXPECT_EQ(read_cache(cache_file())->saved_wall_ns, first->saved_wall_ns);
  for (int minute = 0; minute < 4; ++minute) pace.advance(60s);
  const auto second = read_cache(cache_file());
  EXPECT_EQ(second->saved_wall_ns, first->saved_wall_ns + 300'000'000'000);
  for (int minute = 0; minute < 10; ++minute) pace.advance(60s);
  EXPECT_EQ(read_cache(cache_file())->saved_wall_ns, second->saved_wall_ns);
}

}  // namespace
}  // namespace iris::registry
