// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include "registry/iot_hub_fixture.h"
#include "registry/sas_token.h"

namespace iris::registry {
namespace {

using namespace std::chrono_literals;
using test_support::FakeHub;
using test_support::FakePace;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

struct IotHubFaultsTest : IotHubFixture {
  void expect_all() {
    EXPECT_THAT(listener.names(), ElementsAre("$edgeAgent", "$edgeHub", "gw1", "modbus1", "thermostat"));
    EXPECT_TRUE(listener.status().connected);
  }
};

FakeHub::Handler body(const std::string& text) {
  return [text](const auto&, auto& response) { response.set_content(text, "application/json"); };
}

TEST_F(IotHubFaultsTest, ThrottledWithoutATimeItBacksOff) {
  hub.fault("/twins/gw1", 3, FakeHub::status(429, "ThrottlingException"));
  EXPECT_THAT(start(), AllOf(Ge(500ms), Le(1s)));
  EXPECT_EQ(listener.status().throttled, 1u);
  EXPECT_THAT(listener.status().detail, HasSubstr("throttles"));
  EXPECT_THAT(pace.advance(1s), AllOf(Ge(1s), Le(2s)));
  EXPECT_THAT(pace.advance(2s), AllOf(Ge(2s), Le(4s)));
  pace.advance(4s);
  expect_all();
  EXPECT_EQ(listener.status().throttled, 3u);
  EXPECT_THAT(listener.status().detail, Not(HasSubstr("throttles")));
}

TEST_F(IotHubFaultsTest, BackOffHasABoundAndStartsAgainAfterASuccess) {
  hub.fault("/twins/gw1", 20, FakeHub::status(503));
  auto pause = start();
  for (int i = 1; i < 20; ++i) pause = pace.advance(pause);
  EXPECT_THAT(pause, AllOf(Ge(30s), Le(60s)));
  EXPECT_FALSE(listener.status().connected);
  pace.advance(pause);
  expect_all();
  hub.fault("/twins/gw1", 1, FakeHub::status(503));
  EXPECT_LE(pace.advance(60s), 1s);
}

TEST_F(IotHubFaultsTest, ThrottledWithATimeItWaitsThatLong) {
  hub.fault("/twins/gw1", 1, FakeHub::status(429, "", {{"Retry-After", "7"}}));
  EXPECT_THAT(start(), AllOf(Ge(7s), Le(7700ms)));
  pace.advance(8s);
  expect_all();
}

TEST_F(IotHubFaultsTest, TheTimeMayBeADate) {
  hub.fault("/twins/gw1", 1, FakeHub::status(503, "", {{"Retry-After", "Wed, 17 Mar 2030 17:48:20 GMT"}}));
  // The fake clock stands at 17:46:40.
  EXPECT_THAT(start(), AllOf(Ge(100s), Le(110s)));
}

TEST_F(IotHubFaultsTest, ThrottledQueriesDoNotHoldUpTheTwins) {
  hub.fault("/devices/query", 100, FakeHub::status(429, "", {{"Retry-After", "600"}}));
  EXPECT_EQ(start(), 60s);
  EXPECT_THAT(listener.names(), ElementsAre("$edgeAgent", "$edgeHub", "gw1"));
  for (int minute = 0; minute < 5; ++minute) pace.advance(60s);
  EXPECT_EQ(hub.count("/twins/gw1?"), 6u);
  EXPECT_EQ(hub.queries().size(), 1u);
}

TEST_F(IotHubFaultsTest, WhatIsNoTwinIsAskedForAgain) {
  for (const char* text : {"", "<html>login</html>", "[]", "{\"deviceId\":"}) hub.fault("/twins/gw1", 1, body(text));
  auto pause = start();
  EXPECT_THAT(listener.status().detail, HasSubstr("no twin"));
  for (int i = 0; i < 4; ++i) pause = pace.advance(pause);
  expect_all();
}

TEST_F(IotHubFaultsTest, WhatIsNoPageIsAskedForAgainAndNothingOfItKept) {
  hub.fault("/devices/query", 1, body(""));
  hub.fault("/devices/query", 1, body(R"({"Message":"no"})"));
  hub.fault("/devices/query", 1, body("[" + FakeHub::child("half") + ",{"));
  hub.fault("/devices/query", 1, [](const auto&, auto& response) {
    response.set_header("x-ms-item-type", "Raw");
    response.set_content("[{\"deviceId\":\"raw\"}]", "application/json");
  });
  auto pause = start();
  EXPECT_THAT(listener.status().detail, HasSubstr("something else than a page of twins"));
  for (int i = 0; i < 4; ++i) pause = pace.advance(pause);
  expect_all();
}

TEST_F(IotHubFaultsTest, ACutConnectionIsTriedAgain) {
  hub.fault("/twins/gw1", 1, [](const auto&, auto& response) {
    response.set_content_provider(1000, "application/json", [](std::size_t offset, std::size_t, httplib::DataSink& sink) {
      return offset == 0 && sink.write("{\"dev", 5);
    });
  });
  start();
  EXPECT_THAT(listener.status().detail, HasSubstr("connection broke"));
  EXPECT_FALSE(listener.status().connected);
  pace.advance(1s);
  expect_all();
}

TEST_F(IotHubFaultsTest, ABodyThatDoesNotEndIsGivenUp) {
  options.total_timeout = 500ms;
  hub.fault("/twins/gw1", 1, [this](const auto&, auto& response) {
    response.set_content_provider(1000, "application/json", [this](std::size_t offset, std::size_t, httplib::DataSink& sink) {
      if (offset > 0) hub.server().hang();
      return offset == 0 && sink.write("{\"dev", 5);
    });
  });
  start();
  EXPECT_THAT(listener.status().detail, HasSubstr("in time"));
  options.total_timeout = 60s;
}

TEST_F(IotHubFaultsTest, AWrongKeyIsTriedTwiceAndThenLongNot) {
  hub.fault("/", 100, FakeHub::status(401, "IotHubUnauthorizedAccess"));
  EXPECT_THAT(start(), AllOf(Ge(300s), Le(330s)));
  EXPECT_EQ(hub.server().seen().size(), 2u);
  EXPECT_FALSE(listener.status().connected);
  EXPECT_THAT(listener.status().detail,
              AllOf(HasSubstr("refuses policy 'service'"), HasSubstr("key or the policy's name is wrong"),
                    HasSubstr("service connect"), Not(HasSubstr("rotated"))));
  EXPECT_THAT(listener.status().detail, Not(HasSubstr("SharedAccess")));
}

TEST_F(IotHubFaultsTest, ANewConnectionStringIsTakenAtOnce) {
  hub.fault("/", 2, FakeHub::status(401, "IotHubUnauthorizedAccess"));
  start();
  const auto before = pace.waits();
  const std::string other = "HostName=iris-hub.test;SharedAccessKeyName=iothubowner;SharedAccessKey=TQ==";
  ASSERT_FALSE(client->set_connection_string(Secret("HostName=iris-hub.test")));
  ASSERT_TRUE(client->set_connection_string(Secret(other)));
  pace.await(before);
  expect_all();
  EXPECT_THAT(hub.server().seen().back().header("Authorization"), HasSubstr("skn=iothubowner"));
}

TEST_F(IotHubFaultsTest, ARotatedKeyIsReadFromItsFile) {
  options.connection_string_file = folder / "connection";
  std::ofstream(options.connection_string_file) << FakeHub::kConnection << "\n";
  options.connection_string = {};
  start();
  expect_all();
  hub.fault("/", 2, FakeHub::status(401, "IotHubUnauthorizedAccess"));
  EXPECT_GE(pace.advance(60s), 180s);  // the queries are due before the twins
  EXPECT_THAT(listener.status().detail, HasSubstr("the key was probably rotated"));
  std::ofstream(options.connection_string_file) << "HostName=iris-hub.test;SharedAccessKeyName=second;SharedAccessKey=TQ==\n";
  hub.fault("/", 2, FakeHub::status(401, "IotHubUnauthorizedAccess"));
  pace.advance(300s);
  EXPECT_THAT(hub.server().seen().back().header("Authorization"), HasSubstr("skn=second"));
  expect_all();
}

TEST_F(IotHubFaultsTest, AReloadReadsTheFileAtOnceThoughTheHubRefusedTheKeyAndAWaitIsLong) {
  options.connection_string_file = folder / "connection";
  std::ofstream(options.connection_string_file) << FakeHub::kConnection << "\n";
  options.connection_string = {};
  hub.fault("/", 2, FakeHub::status(401, "IotHubUnauthorizedAccess"));
  EXPECT_GE(start(), 180s);
  const auto requests = hub.server().seen().size();
  auto before = pace.waits();
  client->reload();
  pace.await(before);
  EXPECT_EQ(hub.server().seen().size(), requests) << "the same string is no reason to ask";
  std::ofstream(options.connection_string_file) << "HostName=iris-hub.test;SharedAccessKeyName=second;SharedAccessKey=TQ==\n";
  before = pace.waits();
  client->reload();
  pace.await(before);
  EXPECT_THAT(hub.server().seen().back().header("Authorization"), HasSubstr("skn=second"));
  expect_all();
}

TEST_F(IotHubFaultsTest, WithAWrongClockTheTokenCarriesTheHubsTime) {
  hub.clock_ahead_seconds = 7200;
  hub.fault("/", 1, FakeHub::status(401, "IotHubUnauthorizedAccess"));  // our first token is an hour old for the hub
  EXPECT_EQ(start(), 60s);
  const auto seen = hub.server().seen();
  EXPECT_THAT(seen[0].header("Authorization"), HasSubstr("&se=" + std::to_string(FakePace::kWallSeconds + 3600)));
  EXPECT_THAT(seen[1].header("Authorization"), HasSubstr("&se=" + std::to_string(FakePace::kWallSeconds + 7200 + 3600)));
  expect_all();
  EXPECT_THAT(listener.status().detail, HasSubstr("clock is 7200 s behind the hub's"));
}

TEST_F(IotHubFaultsTest, AClockThatGoesALittleWrongIsItsOwnAffair) {
  hub.clock_ahead_seconds = -299;
  start();
  for (const auto& seen : hub.server().seen()) {
    EXPECT_THAT(seen.header("Authorization"), HasSubstr("&se=" + std::to_string(FakePace::kWallSeconds + 3600)));
  }
  EXPECT_THAT(listener.status().detail, Not(HasSubstr("clock")));
  hub.change([](FakeHub& h) { h.clock_ahead_seconds = -301; });
  pace.advance(60s);
  EXPECT_THAT(listener.status().detail, HasSubstr("clock is 301 s ahead of the hub's"));
}

TEST_F(IotHubFaultsTest, ARefusalWithoutADateNamesTheClock) {
  hub.date = false;
  hub.fault("/", 2, FakeHub::status(401));
  start();
  EXPECT_THAT(listener.status().detail, HasSubstr("clock is right"));
}

TEST_F(IotHubFaultsTest, TokensAreRenewedBeforeTheyEnd) {
  start();
  for (int minute = 0; minute < 31; ++minute) pace.advance(60s);
  EXPECT_THAT(hub.server().seen().back().header("Authorization"),
              HasSubstr("&se=" + std::to_string(FakePace::kWallSeconds + 31 * 60 + 3600)));
}

TEST_F(IotHubFaultsTest, AQuotaLastsUntilMidnight) {
  hub.fault("/twins/gw1", 1, FakeHub::status(403, "IotHubQuotaExceeded"));
  const auto until_midnight = std::chrono::seconds(86'400 - FakePace::kWallSeconds % 86'400);
  const auto pause = start();
  EXPECT_GE(pause, until_midnight);
  EXPECT_LE(pause, until_midnight + until_midnight / 10);
  EXPECT_THAT(listener.status().detail, HasSubstr("00:00 UTC"));
}

TEST_F(IotHubFaultsTest, AForbiddenTwinIsNotAskedForAgainSoon) {
  hub.fault("/twins/gw1", 1, FakeHub::status(403, "IpFilterBlocked"));
  EXPECT_GE(start(), 300s);
  EXPECT_EQ(hub.server().seen().size(), 1u);
  EXPECT_THAT(listener.status().detail, HasSubstr("IpFilterBlocked"));
}

TEST_F(IotHubFaultsTest, AGatewayThatWasDeletedIsWithdrawn) {
  start();
  expect_all();
  hub.change([](FakeHub& h) { h.twins.clear(); });
  EXPECT_GE(pace.advance(60s), 300s);
  EXPECT_TRUE(listener.names().empty());
  EXPECT_THAT(listener.status().detail, HasSubstr("no device 'gw1'"));
  hub.change([](FakeHub& h) { h.twins["/twins/gw1"] = FakeHub::gateway(); });
  pace.advance(330s);
  EXPECT_THAT(listener.names(), ElementsAre("gw1", "modbus1", "thermostat"));
}

TEST_F(IotHubFaultsTest, ARedirectionIsNotFollowed) {
  hub.fault("/twins/gw1", 1, [](const auto&, auto& response) { response.set_redirect("https://elsewhere.test/login"); });
  EXPECT_GE(start(), 300s);
  EXPECT_THAT(listener.status().detail, HasSubstr("proxy or portal"));
}

TEST_F(IotHubFaultsTest, TheCloudIsGoneAndWhatWasSaidStays) {
  start();
  hub.server().end();
  EXPECT_LE(pace.advance(60s), 1s);
  EXPECT_FALSE(listener.status().connected);
  EXPECT_THAT(listener.status().detail, HasSubstr("nobody listens there"));
  EXPECT_EQ(listener.names().size(), 5u);
}

TEST_F(IotHubFaultsTest, AnAuthorityThatIsNotTrustedIsSaid) {
  const test_support::TestAuthority other;
  test_support::write_file(folder / "other.pem", other.certificate());
  options.ca_file = folder / "other.pem";
  start();
  EXPECT_THAT(listener.status().detail, AllOf(HasSubstr("TLS failed"), HasSubstr("ca_file")));
  EXPECT_TRUE(hub.server().seen().empty());
}

TEST_F(IotHubFaultsTest, AHostThatDoesNotExistIsSaid) {
  options.connection_string = Secret("HostName=no-such-hub.invalid;SharedAccessKeyName=service;SharedAccessKey=TQ==");
  options.address.clear();
  start();
  EXPECT_THAT(listener.status().detail, AllOf(HasSubstr("no-such-hub.invalid"), HasSubstr("cannot be resolved")));
}

}  // namespace
}  // namespace iris::registry
