// SPDX-License-Identifier: Apache-2.0
#include "registry/edgex_client.h"

#include <gmock/gmock.h>

#include <fstream>

#include "emulators/edgex/emulator.h"
#include "registry/edgex_session.h"
#include "registry/fake_pace.h"
#include "registry/recording_listener.h"
#include "registry/scripted_server.h"

namespace iris::registry {
namespace {

using namespace std::chrono_literals;
using edgex_emulator::Api;
using edgex_emulator::Emulator;
using edgex_emulator::many_devices;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::StartsWith;

TEST(EdgexUrl, PortsAreThoseOfEdgexUnlessGiven) {
  const auto plain = parse_edgex_url("http://localhost");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->base, "http://localhost:59881");
  EXPECT_EQ(plain->base_v1, "http://localhost:48081");
  const auto gateway = parse_edgex_url("https://gw1.site:8443/core-metadata/");
  ASSERT_TRUE(gateway);
  EXPECT_EQ(gateway->base, "https://gw1.site:8443/core-metadata");
  EXPECT_EQ(gateway->base_v1, gateway->base);
  EXPECT_TRUE(gateway->tls);
}

TEST(EdgexUrl, WhatCannotWorkIsRefused) {
  EdgexOptions options;
  for (const char* url : {"", "ftp://host", "http://", "http://user:secret@host", "http://host/?a=b", "http://ho st"}) {
    options.url = url;
    const auto made = EdgexClient::create(options);
    ASSERT_FALSE(made) << url;
    EXPECT_THAT(made.error().message, Not(HasSubstr("secret")));
  }
  options.url = "http://edgex.example.net";
  EXPECT_TRUE(EdgexClient::create(options));
  options.token_file = "/some/token";
  EXPECT_FALSE(EdgexClient::create(options));  // in plain text, beyond the local network
  options.url = "https://edgex.example.net";
  EXPECT_TRUE(EdgexClient::create(options));
  options.url = "http://edgex-core-metadata";
  EXPECT_TRUE(EdgexClient::create(options));
}

struct EdgexClientTest : testing::Test {
  test_support::TemporaryDirectory folder;
  test_support::FakePace pace;
  test_support::RecordingListener listener;
  std::unique_ptr<Emulator> emulator;
  EdgexOptions options;
  std::unique_ptr<EdgexClient> client;

  void run_emulator(edgex_emulator::ServiceOptions service, std::size_t devices) {
    edgex_emulator::Options some;
    some.service = service;
    auto started = Emulator::start(std::move(some), many_devices(devices, service.api));
    ASSERT_TRUE(started) << started.error().message;
    emulator = std::move(*started);
    options.url = "http://127.0.0.1:" + std::to_string(emulator->port());
  }
  std::chrono::milliseconds start() {
    auto made = EdgexClient::create(options, pace);
    EXPECT_TRUE(made) << made.error().message;
    client = std::move(*made);
    const auto before = pace.waits();
    client->start(listener);
    return pace.await(before);
  }
  std::vector<std::string> targets() const {
    std::vector<std::string> targets;
    for (const auto& seen : emulator->service().seen()) targets.push_back(seen.target);
    return targets;
  }
};

TEST_F(EdgexClientTest, ReadsAllPagesOfTheThirdVersion) {
  run_emulator({}, 250);
  EXPECT_EQ(start(), 30s);
  EXPECT_EQ(listener.evidence().size(), 250u);
  EXPECT_EQ(listener.evidence()[0].source, identity::Source::edgex);
  const auto status = listener.status();
  EXPECT_EQ(status.registry, "edgex");
  EXPECT_TRUE(status.connected);
  EXPECT_EQ(status.detail, "API v3: 250 devices");
  EXPECT_THAT(targets(), ElementsAre("/api/v3/ping", "/api/v3/device/all?offset=0&limit=100",
                                     "/api/v3/device/all?offset=100&limit=100", "/api/v3/device/all?offset=200&limit=100"));
}

TEST_F(EdgexClientTest, FindsTheSecondVersionAlsoWithoutACount) {
  run_emulator({.api = Api::v2, .total_count = false}, 200);
  start();
  EXPECT_EQ(listener.evidence().size(), 200u);
  EXPECT_THAT(listener.status().detail, StartsWith("API v2"));
}

TEST_F(EdgexClientTest, FindsTheFirstVersion) {
  run_emulator({.api = Api::v1}, 20);
  start();
  EXPECT_EQ(listener.evidence().size(), 20u);
  EXPECT_THAT(listener.status().detail, StartsWith("API v1"));
  EXPECT_THAT(targets().back(), StartsWith("/api/v1/device"));
}

TEST_F(EdgexClientTest, TheFirstVersionsLimitIsSaid) {
  run_emulator({.api = Api::v1}, 101);
  start();
  EXPECT_FALSE(listener.status().connected);
  EXPECT_THAT(listener.status().detail, HasSubstr("raise its limit"));
}

TEST_F(EdgexClientTest, AServerThatGivesLessAtOnceIsAskedForItsMaximum) {
  run_emulator({.max_result_count = 30}, 70);
  start();
  EXPECT_EQ(listener.evidence().size(), 70u);
  EXPECT_THAT(targets().back(), HasSubstr("offset=60&limit=-1"));
}

TEST_F(EdgexClientTest, ChangesAreSeenAtTheNextPollAndOnlyTheyAreSaid) {
  run_emulator({}, 3);
  start();
  pace.advance(30s);
  EXPECT_EQ(listener.sets(), 1u);
  emulator->service().set_devices(many_devices(2, Api::v3));
  pace.advance(30s);
  EXPECT_EQ(listener.sets(), 2u);
  EXPECT_EQ(listener.evidence().size(), 2u);
  emulator->service().set_devices({});
  pace.advance(30s);
  EXPECT_TRUE(listener.evidence().empty());
  EXPECT_EQ(listener.sets(), 3u);
}

TEST_F(EdgexClientTest, SecureModeWantsATokenWhichIsReadAnew) {
  run_emulator({.tokens = {"good.jwt.token"}}, 3);
  EXPECT_EQ(start(), 30s);
  EXPECT_THAT(listener.status().detail, HasSubstr("edgex.token_file"));
  client.reset();
  options.token_file = folder / "token";
  std::ofstream(options.token_file) << "expired.jwt.token\n";
  start();
  EXPECT_THAT(listener.status().detail, AllOf(HasSubstr("refuses the token"), Not(HasSubstr("expired.jwt"))));
  std::ofstream(options.token_file) << "good.jwt.token\n";
  pace.advance(30s);
  EXPECT_TRUE(listener.status().connected);
  EXPECT_EQ(listener.evidence().size(), 3u);
}

TEST_F(EdgexClientTest, ATokenFileThatIsMissingIsSaid) {
  run_emulator({}, 3);
  options.token_file = folder / "missing";
  start();
  EXPECT_THAT(listener.status().detail, HasSubstr("token file"));
  EXPECT_TRUE(targets().empty());
}

TEST_F(EdgexClientTest, ComesThroughFaults) {
  run_emulator({}, 150);
  const auto add = [this](const std::string& path, auto how) {
    emulator::Fault fault;
    fault.path_prefix = path;
    how(fault);
    emulator->service().faults().add(fault);
  };
  add("/api/v3/ping", [](auto& f) { f.status = 503; });
  add("/api/v3/device", [](auto& f) { f.status = 500; });
  add("/api/v3/device", [](auto& f) { f.kind = emulator::Fault::Kind::empty_body; });
  add("/api/v3/device", [](auto& f) {
    f.kind = emulator::Fault::Kind::wire;
    f.wire.cut = emulator::WireFault::Cut::in_body;
  });
  add("/api/v3/device", [](auto& f) {
    f.status = 502;
    f.skip = 1;  // the first page is well, the second not
  });
  auto pause = start();
  EXPECT_THAT(pause, Le(1s));
  EXPECT_EQ(listener.sets(), 0u);
  for (int i = 0; i < 5; ++i) pause = pace.advance(pause);
  EXPECT_EQ(pause, 30s);
  EXPECT_EQ(listener.sets(), 1u);
  EXPECT_EQ(listener.evidence().size(), 150u);
}

TEST_F(EdgexClientTest, DevicesThatGoBetweenPagesEndTheList) {
  run_emulator({}, 150);
  emulator::Fault past_the_end;
  past_the_end.path_prefix = "/api/v3/device/all";
  past_the_end.skip = 1;
  past_the_end.status = 416;
  emulator->service().faults().add(past_the_end);
  start();
  EXPECT_TRUE(listener.status().connected);
  EXPECT_EQ(listener.evidence().size(), 100u);
}

TEST_F(EdgexClientTest, DevicesBeyondTheLimitAreCounted) {
  run_emulator({}, 350);
  options.max_devices = 150;
  start();
  EXPECT_EQ(listener.evidence().size(), 150u);
  EXPECT_EQ(listener.status().skipped, 51u);
  EXPECT_THAT(listener.status().detail, HasSubstr("more than 150 devices"));
}

TEST_F(EdgexClientTest, PagesThatAreTooLargeAreAskedForSmaller) {
  run_emulator({}, 60);
  options.max_body_bytes = 8'000;
  start();
  EXPECT_EQ(listener.evidence().size(), 60u) << listener.status().detail;
  EXPECT_THAT(targets().back(), HasSubstr("limit=10"));
}

TEST_F(EdgexClientTest, SomethingElseOnItsPortIsSaid) {
  test_support::ScriptedServer server([](const auto&, auto& response) { response.set_content("<html>welcome</html>", "text/html"); });
  options.url = "http://" + server.address();
  EXPECT_EQ(start(), 30s);
  EXPECT_FALSE(listener.status().connected);
  EXPECT_THAT(listener.status().detail, HasSubstr("is not EdgeX core-metadata"));
  EXPECT_EQ(server.seen().size(), 3u);
}

TEST_F(EdgexClientTest, NobodyOnItsPortIsSaidAndTriedAgain) {
  run_emulator({}, 1);
  emulator->stop();
  EXPECT_THAT(start(), Le(1s));
  EXPECT_THAT(listener.status().detail, HasSubstr("nobody listens"));
}

TEST_F(EdgexClientTest, WhatWasKnownStaysWhenEdgexGoes) {
  run_emulator({}, 5);
  start();
  emulator->stop();
  pace.advance(30s);
  EXPECT_FALSE(listener.status().connected);
  EXPECT_EQ(listener.evidence().size(), 5u);
  EXPECT_EQ(listener.sets(), 1u);
}

TEST_F(EdgexClientTest, StopsWhileEdgexHangs) {
  test_support::ScriptedServer server;
  server.answer([&server](const auto&, auto&) { server.hang(); });
  options.url = "http://" + server.address();
  auto made = EdgexClient::create(options, pace);
  ASSERT_TRUE(made);
  (*made)->start(listener);
  server.await(1);
  (*made)->stop();
  EXPECT_TRUE(listener.statuses().empty());
}

}  // namespace
}  // namespace iris::registry
