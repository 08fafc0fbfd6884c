// SPDX-License-Identifier: Apache-2.0
// The client against an emulator that misbehaves: it says what is wrong, comes again in
// its time, and neither misses nor repeats anything.
#include <netinet/in.h>
#include <sys/socket.h>

#include "event_hub_fixture.h"

namespace iris::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using event_hub_emulator::Refusal;

const Refusal kForced = {"amqp:link:detach-forced", "The link is force detached."};

TEST_F(EventHubTest, ForcedDetachesAndBrokenConnectionsLoseNothing) {
  std::vector<std::string> all;
  const auto inject = [&](int count) {
    for (int i = 0; i < count; ++i) {
      all.push_back(std::to_string(all.size()));
      emulator().inject(std::to_string(i % 2), all.back());
    }
  };
  inject(10);
  start();
  for (int round = 0; round < 10; ++round) {
    inject(7);
    switch (round % 4) {
      case 0: emulator().detach(kForced); break;
      case 1: emulator().close_connections({"amqp:connection:forced", "maintenance"}); break;
      case 2: emulator().cut_connections(); break;
      default: emulator().detach(kForced, "1"); break;
    }
    inject(7);
    ASSERT_TRUE(kept_.wait_for_records(all.size())) << round << "\n" << kept_.details();
  }
  stop();
  EXPECT_THAT(kept_.taken(), ::testing::UnorderedElementsAreArray(all));
  EXPECT_THAT(kept_.details(), HasSubstr("going on from the last offset"));
}

TEST_F(EventHubTest, WrongKeyIsSaidAndNotTriedFast) {
  options_.slow_retry = 1h;
  start(connection_string(kOtherKey));
  ASSERT_TRUE(kept_.wait_for_detail("key of policy \"listen\"")) << kept_.details();
  EXPECT_FALSE(kept_.status().connected);
  const auto attaches = emulator().seen().attaches.size();
  EXPECT_FALSE(emulator().wait([&](const Seen& seen) { return seen.connections > 1 || seen.attaches.size() > attaches + 2; }, 300ms));
  stop();
}

TEST_F(EventHubTest, WrongKeyRefusedBySaslIsSaidTheSame) {
  emulator_options_.fails_sasl = true;
  options_.slow_retry = 1h;
  start(connection_string(kOtherKey));
  ASSERT_TRUE(kept_.wait_for_detail("key of policy \"listen\"")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, APolicyWithoutListenIsSaid) {
  options_.slow_retry = 1h;
  start(connection_string(kOtherKey, "send"));
  ASSERT_TRUE(kept_.wait_for_detail("Listen right")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, ARotatedKeyIsTakenUpAtOnce) {
  emulator().inject("0", "a");
  options_.slow_retry = 1h;
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  emulator().set_key("listen", "bmV3ZXIta2V5LW1hZGUtdXAtZm9yLXRoZS10ZXN0ISE=");
  emulator().cut_connections();
  emulator().inject("0", "b");
  ASSERT_TRUE(kept_.wait_for_detail("refused by the service")) << kept_.details();
  EXPECT_FALSE(client_->set_connection_string("not a connection string"));
  ASSERT_TRUE(client_->set_connection_string(connection_string("bmV3ZXIta2V5LW1hZGUtdXAtZm9yLXRoZS10ZXN0ISE=")));
  ASSERT_TRUE(kept_.wait_for_records(2)) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "b"));
}

TEST_F(EventHubTest, ARotatedKeyIsReadFromTheFileWhenTheOldOneIsRefused) {
  const std::string new_key = "bmV3ZXIta2V5LW1hZGUtdXAtZm9yLXRoZS10ZXN0ISE=";
  options_.connection_string_file = directory_ / "connection";
  test_support::write_file(options_.connection_string_file, connection_string() + "\n");
  emulator().inject("0", "a");
  options_.slow_retry = 1h;
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  test_support::write_file(options_.connection_string_file, connection_string(new_key) + "\r\n");
  emulator().set_key("listen", new_key);
  emulator().cut_connections();
  emulator().inject("0", "b");
  ASSERT_TRUE(kept_.wait_for_records(2)) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "b"));
}

TEST_F(EventHubTest, AFileWithTheRefusedKeyIsNotTriedForEver) {
  options_.connection_string_file = directory_ / "connection";
  test_support::write_file(options_.connection_string_file, connection_string(kOtherKey) + "\n");
  options_.slow_retry = 1h;
  start(connection_string("bmV2ZXItYS1rZXktb2YtdGhpcy1odWItaW4tdGVzdHM="));  // neither is right
  ASSERT_TRUE(kept_.wait_for_detail("key of policy")) << kept_.details();
  EXPECT_EQ(kept_.status().requests, 2u);
  client_->reload();  // an operator says so: once more
  ASSERT_TRUE(kept_.wait([this] { return kept_.statuses.back().requests == 3u; }));
  stop();
}

TEST_F(EventHubTest, AKeyRotatedWhileAllIsWellLosesNothing) {
  emulator().inject("0", "a");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  ASSERT_TRUE(client_->set_connection_string(connection_string()));
  emulator().inject("0", "b");
  ASSERT_TRUE(kept_.wait_for_records(2));
  ASSERT_TRUE(emulator().wait([](const Seen& seen) { return seen.connections == 2 && seen.open == 1; }));
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "b"));
}

TEST_F(EventHubTest, AHubThatIsNotThereIsSaid) {
  options_.slow_retry = 1h;
  start(connection_string(kKey, "listen", "another-hub"));
  ASSERT_TRUE(kept_.wait_for_detail("there is no event hub \"another-hub\"")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, AConsumerGroupThatIsNotThereIsSaid) {
  options_.slow_retry = 1h;
  options_.consumer_group = "iris";
  start();
  ASSERT_TRUE(kept_.wait_for_detail("consumer group \"iris\"")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, AnotherConsumerGroupIsRead) {
  emulator_options_.groups = {"$Default", "Iris"};
  options_.consumer_group = "iris";  // in any case
  emulator().inject("0", "a");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1)) << kept_.details();
  stop();
}

TEST_F(EventHubTest, AStolenPartitionIsSaidAndTheOthersGoOn) {
  options_.slow_retry = 1h;
  start();
  ASSERT_TRUE(kept_.wait_connected(2));
  emulator().steal("0");
  ASSERT_TRUE(kept_.wait_for_detail("consumer group of its own")) << kept_.details();
  ASSERT_TRUE(kept_.wait_connected(1));
  emulator().inject("1", "still read");
  ASSERT_TRUE(kept_.wait_for_records(1));
  const std::size_t attaches = emulator().seen().attaches.size();
  EXPECT_FALSE(emulator().wait([&](const Seen& seen) { return seen.attaches.size() > attaches; }, 200ms));
  stop();
}

TEST_F(EventHubTest, AStolenPartitionIsTriedAgainLater) {
  options_.slow_retry = 30ms;
  start();
  ASSERT_TRUE(kept_.wait_connected(2));
  emulator().steal("0");
  emulator().inject("0", "a");
  ASSERT_TRUE(kept_.wait_for_records(1));
  stop();
}

TEST_F(EventHubTest, TooManyReadersAreSaid) {
  options_.slow_retry = 20ms;
  emulator_options_.partitions = 1;
  std::vector<std::unique_ptr<Kept>> kept;  // outlives who tells it
  std::vector<std::unique_ptr<EventHubClient>> others;
  emulator();
  for (int i = 0; i < 5; ++i) {
    kept.push_back(std::make_unique<Kept>());
    others.push_back(std::move(*EventHubClient::create(connection_string(), options_, {}, body_as_record)));
    others.back()->start(*kept.back());
    ASSERT_TRUE(kept.back()->wait_connected(1));
  }
  start();
  ASSERT_TRUE(kept_.wait_for_detail("more than five readers")) << kept_.details();
  others.pop_back();  // makes room
  emulator().inject("0", "a");
  ASSERT_TRUE(kept_.wait_for_records(1)) << kept_.details();
  stop();
}

TEST_F(EventHubTest, ABusyServiceIsLeftAlone) {
  options_.busy_wait = 1h;
  emulator_options_.partitions = 1;
  start();
  ASSERT_TRUE(kept_.wait_connected(1));
  emulator().detach({"com.microsoft:server-busy", "The request was terminated because the entity is being throttled."});
  ASSERT_TRUE(kept_.wait_for_detail("the service is busy")) << kept_.details();
  EXPECT_EQ(kept_.status().throttled, 1U);
  EXPECT_FALSE(emulator().wait([](const Seen& seen) { return seen.attaches.size() > 1; }, 200ms));
  stop();
}

TEST_F(EventHubTest, ABusyServiceIsAskedAgain) {
  emulator_options_.partitions = 1;
  emulator().refuse_attaches({"com.microsoft:server-busy", "busy"}, 3);
  emulator().inject("0", "a");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1)) << kept_.details();
  EXPECT_EQ(emulator().seen().attaches.size(), 4U);
  stop();
}

TEST_F(EventHubTest, AServiceThatRefusesEveryPositionIsNotAskedInACircle) {
  emulator_options_.partitions = 1;
  emulator().refuse_attaches({"com.microsoft:argument-error", "The supplied offset is invalid."}, 1'000'000);
  options_.min_backoff = options_.max_backoff = 1h;
  kept_.checkpoints = {{"0", "64"}};
  start();
  ASSERT_TRUE(emulator().wait([](const Seen& seen) { return seen.attaches.size() == 2; }));
  EXPECT_EQ(emulator().seen().attaches[1].selector, "amqp.annotation.x-opt-offset > '-1'");
  EXPECT_FALSE(emulator().wait([](const Seen& seen) { return seen.attaches.size() > 2; }, 200ms));
  stop();
}

TEST_F(EventHubTest, SilenceMeansAnotherConnection) {
  options_.idle_timeout = 200ms;
  emulator().inject("0", "a");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  emulator().set_silent(true);
  ASSERT_TRUE(kept_.wait_for_detail("no sign of life")) << kept_.details();
  emulator().inject("0", "b");
  emulator().set_silent(false);
  ASSERT_TRUE(kept_.wait_for_records(2)) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "b"));
}

TEST_F(EventHubTest, AQuietHubIsNotTakenForADeadOne) {
  options_.idle_timeout = 100ms;
  start();
  ASSERT_TRUE(kept_.wait_connected(2));
  // The emulator's frames are answers to ours and its own keep-alives only.
  EXPECT_FALSE(emulator().wait([](const Seen& seen) { return seen.connections > 1; }, 500ms)) << kept_.details();
  stop();
}

TEST_F(EventHubTest, NoAnswerToTheGreetingIsSaid) {
  options_.answer_timeout = 50ms;
  emulator().set_silent(true);
  start();
  ASSERT_TRUE(kept_.wait_for_detail("no answer to the AMQP greeting")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, StopsWhileTheServiceHangs) {
  emulator().set_silent(true);
  start();
  ASSERT_TRUE(emulator().wait([](const Seen& seen) { return seen.connections == 1; }));
  stop();
}

TEST_F(EventHubTest, StopsWhileTheServiceHangsInTheMiddle) {
  start();
  ASSERT_TRUE(kept_.wait_connected(2));
  emulator().set_silent(true);
  stop();
}

TEST_F(EventHubTest, StopsWhileConnecting) {
  // A backlog that is full: the handshake gets no answer.
  const base::UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::vector<base::UniqueFd> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connect(fillers.back().get(), reinterpret_cast<const sockaddr*>(&address), size);
  }
  emulator();
  options_.address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  start();
  stop();
}

TEST_F(EventHubTest, StopsWhileItWaitsToTryAgain) {
  options_.slow_retry = 1h;
  start(connection_string(kOtherKey));
  ASSERT_TRUE(kept_.wait_for_detail("refused by the service"));
  stop();
}

TEST_F(EventHubTest, ACertificateForAnotherNameIsNotTrusted) {
  const auto issued = authority_.issue("other.example", "DNS:other.example");
  test_support::write_file(directory_ / "cert.pem", issued.certificate);
  test_support::write_file(directory_ / "key.pem", issued.key);
  options_.slow_retry = 1h;
  start();
  ASSERT_TRUE(kept_.wait_for_detail("certificate is not accepted")) << kept_.details();
  stop();
  EXPECT_TRUE(emulator().seen().mechanisms.empty()) << "the key was sent to somebody else";
}

TEST_F(EventHubTest, ACertificateOfAnUnknownAuthorityIsNotTrusted) {
  const test_support::TestAuthority other;
  test_support::write_file(directory_ / "ca.pem", other.certificate());
  options_.slow_retry = 1h;
  start();
  ASSERT_TRUE(kept_.wait_for_detail("check the CA file")) << kept_.details();
  stop();
  EXPECT_TRUE(emulator().seen().mechanisms.empty());
}

TEST_F(EventHubTest, AServerWithoutTlsIsSaid) {
  emulator();
  options_.address = "127.0.0.1:" + std::to_string(emulator().plain_port());
  options_.slow_retry = 1h;
  options_.answer_timeout = 500ms;
  start();
  ASSERT_TRUE(kept_.wait_for_detail("5671")) << kept_.details();
  stop();
  EXPECT_TRUE(emulator().seen().mechanisms.empty());
}

TEST_F(EventHubTest, WithoutManagementPartitionsAreFoundByTrying) {
  emulator_options_.partitions = 5;
  for (const auto mode : {Emulator::Management::fails, Emulator::Management::refuses_link, Emulator::Management::silent}) {
    emulator().set_management(mode);
    options_.answer_timeout = mode == Emulator::Management::silent ? 200ms : 20s;
    emulator().inject("4", std::to_string(static_cast<int>(mode)));
    const std::size_t before = kept_.taken().size();
    kept_.statuses.clear();
    start();
    ASSERT_TRUE(kept_.wait_connected(5)) << kept_.details();
    ASSERT_TRUE(kept_.wait_for_records(before + 1));
    stop();
  }
  EXPECT_EQ(kept_.taken().size(), 3U);
}

TEST_F(EventHubTest, WithoutManagementTheConfiguredPartitionsAreRead) {
  emulator_options_.partitions = 4;
  emulator().set_management(Emulator::Management::fails);
  options_.partitions = {"1", "3"};
  start();
  ASSERT_TRUE(kept_.wait_connected(2)) << kept_.details();
  EXPECT_EQ(emulator().seen().attaches.size(), 2U);
  stop();
}

TEST_F(EventHubTest, PartitionIdsMayComeAsAList) {
  emulator().set_management(Emulator::Management::lists);
  start();
  ASSERT_TRUE(kept_.wait_connected(2)) << kept_.details();
  stop();
}

TEST_F(EventHubTest, TheDevelopmentEmulatorIsReadWithATokenWithoutTls) {
  emulator().inject("0", "a");
  options_.address.clear();
  options_.token_lifetime = 4s;
  const std::string text = "Endpoint=sb://localhost:" + std::to_string(emulator().plain_port()) +
                           ";SharedAccessKeyName=listen;SharedAccessKey=" + kKey +
                           ";UseDevelopmentEmulator=true;EntityPath=insights-logs";
  auto client = EventHubClient::create(text, options_, {}, body_as_record);
  ASSERT_TRUE(client) << client.error().message;
  client_ = std::move(*client);
  client_->start(kept_);
  ASSERT_TRUE(kept_.wait_for_records(1)) << kept_.details();
  EXPECT_THAT(emulator().seen().mechanisms, ElementsAre("ANONYMOUS"));
  // The token is renewed before its time is over.
  EXPECT_TRUE(emulator().wait([](const Seen& seen) { return seen.tokens >= 2; })) << kept_.details();
  EXPECT_EQ(emulator().seen().connections, 1U);
  stop();
}

TEST_F(EventHubTest, TheDevelopmentEmulatorWithAWrongKeyIsSaid) {
  emulator();
  options_.address.clear();
  options_.slow_retry = 1h;
  const std::string text = "Endpoint=sb://127.0.0.1:" + std::to_string(emulator().plain_port()) +
                           ";SharedAccessKeyName=listen;SharedAccessKey=" + kOtherKey +
                           ";UseDevelopmentEmulator=true;EntityPath=insights-logs";
  auto client = EventHubClient::create(text, options_, {}, body_as_record);
  ASSERT_TRUE(client) << client.error().message;
  client_ = std::move(*client);
  client_->start(kept_);
  ASSERT_TRUE(kept_.wait_for_detail("refused by the service")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, TheDevelopmentEmulatorIsNotSoughtOnTheInternet) {
  options_.slow_retry = 1h;
  const std::string text = std::string("Endpoint=sb://203.0.113.9:5672;SharedAccessKeyName=listen;SharedAccessKey=") + kKey +
                           ";UseDevelopmentEmulator=true;EntityPath=insights-logs";
  auto client = EventHubClient::create(text, options_, {}, body_as_record);
  if (!client) {
    EXPECT_THAT(client.error().message, HasSubstr("mulator"));
    return;
  }
  client_ = std::move(*client);
  client_->start(kept_);
  ASSERT_TRUE(kept_.wait_for_detail("without encryption")) << kept_.details();
  stop();
}

TEST_F(EventHubTest, AReaderThatThrowsDoesNotEndTheClient) {
  reader_ = [](std::string_view body, std::uint64_t wall_ns) -> identity::LogReading {
    if (body == "bad") throw std::runtime_error("bad");
    return body_as_record(body, wall_ns);
  };
  emulator().inject("0", "bad");
  emulator().inject("0", "good");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("good"));
}

}  // namespace
}  // namespace iris::registry
