// SPDX-License-Identifier: Apache-2.0
// The client against the emulator: what is read, once, from where.
#include <semaphore>
#include <sstream>

#include "event_hub_fixture.h"

namespace iris::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST_F(EventHubTest, ReadsAllPartitionsThroughTlsWithPlain) {
  emulator().inject("0", "a");
  emulator().inject("1", "b");
  start();
  ASSERT_TRUE(kept_.wait_for_records(2)) << kept_.details();
  emulator().inject("1", "c");
  ASSERT_TRUE(kept_.wait_for_records(3));
  EXPECT_THAT(kept_.taken(), UnorderedElementsAre("a", "b", "c"));
  const Seen seen = emulator().seen();
  EXPECT_THAT(seen.mechanisms, ElementsAre("PLAIN"));  // EXTERNAL is offered, too
  EXPECT_THAT(seen.host_names, ElementsAre(kHost));
  EXPECT_TRUE(kept_.status().connected);
  EXPECT_EQ(kept_.status().registry, "event_hub");
  EXPECT_EQ(kept_.status().endpoint, std::string(kHost) + "/insights-logs/$Default");
  stop();
}

TEST_F(EventHubTest, RestartWithCheckpointsReadsNothingTwiceAndMissesNothing) {
  std::vector<std::string> all;
  for (int round = 0; round < 4; ++round) {
    // Some while it runs, some while it does not.
    for (int i = 0; i < 20; ++i) {
      all.push_back("away " + std::to_string(round) + "/" + std::to_string(i));
      emulator().inject(std::to_string(i % 2), all.back());
    }
    start();
    for (int i = 0; i < 20; ++i) {
      all.push_back("here " + std::to_string(round) + "/" + std::to_string(i));
      emulator().inject(std::to_string(i % 2), all.back());
    }
    ASSERT_TRUE(kept_.wait_for_records(all.size() - static_cast<std::size_t>(round * 3))) << kept_.details();
    stop();  // with some unread, perhaps
  }
  start();
  ASSERT_TRUE(kept_.wait_for_records(all.size()));
  stop();
  EXPECT_THAT(kept_.taken(), ::testing::UnorderedElementsAreArray(all));
}

TEST_F(EventHubTest, OffsetsAreOpaque) {
  NewEvent event;
  event.offset = "g7:0001:it's";
  event.sections = {"a"};
  emulator().inject("0", event);
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  stop();
  EXPECT_EQ(kept_.checkpoints["0"], "g7:0001:it's");
  event.offset = "g7:0002:x";
  event.sections = {"b"};
  emulator().inject("0", event);
  start();
  ASSERT_TRUE(kept_.wait_for_records(2)) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "b"));
}

TEST_F(EventHubTest, FirstStartReadsOnlyWhatComesFromThenOn) {
  emulator().inject("0", "old");
  options_.start = EventHubOptions::Start::latest;
  start();
  ASSERT_TRUE(kept_.wait([&] { return kept_.checkpoints.size() == 2; })) << kept_.details();
  stop();
  EXPECT_TRUE(kept_.taken().empty());
  // The begin was kept although nothing was read, also of a partition that is empty.
  emulator().inject("0", "new");
  emulator().inject("1", "first");
  start();
  ASSERT_TRUE(kept_.wait_for_records(2));
  stop();
  EXPECT_THAT(kept_.taken(), UnorderedElementsAre("new", "first"));
}

TEST_F(EventHubTest, LatestWithoutManagementMissesNothingOverABrokenConnection) {
  emulator().inject("0", "old");
  emulator().set_management(Emulator::Management::fails);
  options_.start = EventHubOptions::Start::latest;
  options_.min_backoff = options_.max_backoff = 200ms;
  options_.partitions = {"0"};
  start();
  ASSERT_TRUE(kept_.wait_connected(1)) << kept_.details();
  EXPECT_EQ(emulator().seen().attaches.front().selector, "amqp.annotation.x-opt-offset > '@latest'");
  emulator().cut_connections();
  emulator().inject("0", "new");
  ASSERT_TRUE(kept_.wait([&] { return std::count(kept_.descriptions.begin(), kept_.descriptions.end(), "new") == 1; }))
      << kept_.details() << emulator().seen().attaches.back().selector;
  stop();
}

TEST_F(EventHubTest, StartsAtATime) {
  NewEvent event;
  event.enqueued_ms = 1'000'000;
  event.sections = {"before"};
  emulator().inject("0", event);
  event.enqueued_ms = 2'000'000;
  event.sections = {"after"};
  emulator().inject("0", event);
  options_.start = EventHubOptions::Start::time;
  options_.start_time_ms = 1'500'000;
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("after"));
}

TEST_F(EventHubTest, APartitionYoungerThanTheCheckpointsIsReadWhole) {
  emulator().inject("0", "a");
  options_.start = EventHubOptions::Start::latest;
  options_.list_partitions_every = 20ms;
  start();
  ASSERT_TRUE(kept_.wait([&] { return kept_.checkpoints.size() == 2; }));
  stop();
  emulator().add_partition();
  emulator().inject("2", "early");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  emulator().add_partition();  // while it runs
  ASSERT_TRUE(kept_.wait_connected(4)) << kept_.details();
  emulator().inject("3", "more");
  ASSERT_TRUE(kept_.wait_for_records(2));
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("early", "more"));
}

TEST_F(EventHubTest, BodiesOfAllKinds) {
  NewEvent event;
  event.sections = {"one ", "event in ", "three sections"};
  emulator().inject("0", event);
  event.kind = NewEvent::Body::string_value;
  event.sections = {"string"};
  emulator().inject("0", event);
  event.kind = NewEvent::Body::binary_value;
  event.sections = {"binary"};
  emulator().inject("0", event);
  event.kind = NewEvent::Body::sequence;  // not readable
  emulator().inject("0", event);
  event.kind = NewEvent::Body::none;
  emulator().inject("0", event);
  event.kind = NewEvent::Body::raw;
  event.sections = {"\x13\x37 not AMQP at all"};
  emulator().inject("0", event);
  emulator().inject("0", "broken");
  emulator().inject("0", "last");
  start();
  ASSERT_TRUE(kept_.wait_for_records(4)) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("one event in three sections", "string", "binary", "last"));
  start();  // for a status after the reading
  ASSERT_TRUE(kept_.wait_connected(2));
  stop();
}

TEST_F(EventHubTest, UnusableEventsAreCounted) {
  NewEvent event;
  event.kind = NewEvent::Body::sequence;
  emulator().inject("0", event);
  emulator().inject("0", "broken");
  emulator().inject("0", "last");
  start();
  ASSERT_TRUE(kept_.wait_for_records(1));
  emulator().detach({"amqp:link:detach-forced", "for a status"}, "1");
  EXPECT_TRUE(kept_.wait([&] { return kept_.statuses.back().skipped == 2; }));
  stop();
}

TEST_F(EventHubTest, AnEventThatIsTooLargeIsSkippedAndReadingGoesOn) {
  options_.max_event_bytes = 200'000;
  emulator().inject("0", std::string(1'000'000, 'x'));
  emulator().inject("0", std::string(100'000, 'y'));
  start();
  ASSERT_TRUE(kept_.wait_for_records(1)) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre(std::string(100'000, 'y')));
}

TEST_F(EventHubTest, RepeatedEventsAreDroppedAndCounted) {
  for (const char* body : {"a", "b", "c"}) emulator().inject("0", body);
  NewEvent again;
  again.sequence = 1;
  again.sections = {"b"};
  emulator().inject("0", again);
  emulator().inject("0", "d");
  start();
  ASSERT_TRUE(kept_.wait_for_records(4));
  emulator().detach({"amqp:link:detach-forced", "for a status"}, "1");
  EXPECT_TRUE(kept_.wait_for_detail("1 repeated events dropped")) << kept_.details();
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "b", "c", "d"));
}

TEST_F(EventHubTest, AnEventOutOfOrderIsReadAndDoesNotMoveTheCheckpointBack) {
  NewEvent event;
  for (const auto& [sequence, body] : {std::pair(0, "a"), std::pair(2, "c"), std::pair(1, "b"), std::pair(3, "d"), std::pair(1, "b")}) {
    event.sequence = sequence;
    event.offset = std::to_string(100 + sequence);
    event.sections = {body};
    emulator().inject("0", event);
  }
  start();
  ASSERT_TRUE(kept_.wait_for_records(4));
  stop();
  EXPECT_THAT(kept_.taken(), ElementsAre("a", "c", "b", "d"));
  EXPECT_EQ(kept_.checkpoints["0"], "103");
}

TEST_F(EventHubTest, AHubMadeAnewIsReadFromItsStart) {
  options_.partitions = {};
  for (int i = 0; i < 100; ++i) emulator().inject("0", "old");
  start();
  ASSERT_TRUE(kept_.wait_for_records(100));
  emulator().recreate_hub();
  emulator().inject("0", "new");
  ASSERT_TRUE(kept_.wait_for_records(101)) << kept_.details();
  EXPECT_TRUE(kept_.wait_for_detail("records may be missing")) << kept_.details();
  emulator().inject("0", "newer");
  ASSERT_TRUE(kept_.wait_for_records(102)) << kept_.details();
  stop();
}

TEST_F(EventHubTest, AnOffsetThatIsNoLongerValidMeansFromTheStart) {
  emulator().inject("0", "a");
  kept_.checkpoints = {{"0", "987654321"}, {"1", "-1"}};
  start();
  ASSERT_TRUE(kept_.wait_for_records(1)) << kept_.details();
  EXPECT_TRUE(kept_.wait_for_detail("records may come twice"));
  stop();
}

TEST_F(EventHubTest, CreditIsGivenOnlyAfterTheListenerReturned) {
  options_.credit = 10;
  for (int i = 0; i < 100; ++i) emulator().inject("0", std::to_string(i));
  kept_.block(true);
  start();
  ASSERT_TRUE(kept_.wait([&] { return kept_.batches == 1; }));
  EXPECT_TRUE(emulator().wait([](const Seen& seen) { return seen.sent >= 10; }));
  EXPECT_EQ(emulator().seen().sent, 10U);  // no more than the window, whatever waits
  kept_.block(false);
  ASSERT_TRUE(kept_.wait_for_records(100));
  EXPECT_LE(emulator().seen().credit.at("0"), 10U);
  stop();
  EXPECT_EQ(kept_.taken().size(), 100U);
}

TEST_F(EventHubTest, CreditComesBackWithABatchOnly) {
  std::counting_semaphore<> read(0);
  reader_ = [&](std::string_view body, std::uint64_t wall_ns) {
    read.release();
    return body_as_record(body, wall_ns);
  };
  options_.credit = 10;
  options_.batch_time = 1h;
  options_.batch_records = 1000;
  emulator_options_.partitions = 1;
  const auto inject = [&](int count) {
    for (int i = 0; i < count; ++i) emulator().inject("0", "x");
  };
  inject(4);
  start();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(read.try_acquire_for(20s));
  inject(20);
  // What makes it hand on is the credit that was used; it never reads more than that before.
  ASSERT_TRUE(kept_.wait([&] { return kept_.batches >= 1; }));
  EXPECT_LE(kept_.first_batch, 10U);
  ASSERT_TRUE(kept_.wait_for_records(20));
  stop();
}

TEST_F(EventHubTest, RecordsComeInBatches) {
  options_.batch_time = 1h;
  options_.batch_records = 10;
  options_.credit = 1000;
  for (int i = 0; i < 25; ++i) emulator().inject("0", std::to_string(i));
  start();
  ASSERT_TRUE(kept_.wait_for_records(20));
  EXPECT_EQ(kept_.batches, 2);
  ASSERT_TRUE(emulator().wait([](const Seen& seen) { return seen.sent == 25; }));
  stop();
  EXPECT_LE(kept_.taken().size(), 25U);  // and the rest with the end, if it came in time
  EXPECT_THAT(kept_.checkpoints, ::testing::Contains(Pair("0", ::testing::_)));
}

TEST_F(EventHubTest, ANamespaceStringNeedsTheNameOfAHub) {
  options_.hub = "insights-logs";
  emulator().inject("0", "a");
  start(connection_string(kKey, "listen", ""));
  ASSERT_TRUE(kept_.wait_for_records(1));
  stop();
  options_.hub.clear();
  const auto client = EventHubClient::create(connection_string(kKey, "listen", ""), options_, {});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("EntityPath"), std::string::npos);
}

std::string refusal(const std::string& device, const std::string& time) {
  return R"({"records":[{"time":")" + time + R"(","resourceId":"/SUBSCRIPTIONS/X/RESOURCEGROUPS/Y/PROVIDERS/MICROSOFT.DEVICES/IOTHUBS/IRIS-HUB",)"
         R"("operationName":"deviceConnect","category":"Connections","level":"Error","resultType":"401003","resultDescription":"IoTHubUnauthorized",)"
         R"("properties":"{\"deviceId\":\")" + device + R"(\",\"protocol\":\"Mqtt\",\"statusCode\":\"401\"}"}]})";
}
std::string success(const std::string& device, const std::string& time) {
  return R"({"records":[{"time":")" + time + R"(","resourceId":"/SUBSCRIPTIONS/X/RESOURCEGROUPS/Y/PROVIDERS/MICROSOFT.DEVICES/IOTHUBS/IRIS-HUB",)"
         R"("operationName":"deviceConnect","category":"Connections","level":"Information",)"
         R"("properties":"{\"deviceId\":\")" + device + R"(\",\"protocol\":\"Mqtt\"}"}]})";
}

TEST_F(EventHubTest, ResourceLogsBecomeSecurityRecords) {
  reader_ = identity::read_log_event;
  options_.hold_time = 50ms;  // nothing comes that would explain the second
  NewEvent event;
  event.enqueued_ms = 1'893'553'500'000;  // 2030-01-02T03:05:00Z
  for (const std::string& body : {refusal("thermostat", "2030-01-02T03:04:05Z"), refusal("intruder", "2030-01-02T03:04:06Z"),
                                  success("thermostat", "2030-01-02T03:04:20Z")}) {
    event.sections = {body};
    emulator().inject("0", event);
  }
  start();
  ASSERT_TRUE(kept_.wait_for_records(2)) << kept_.details();
  stop();
  EXPECT_EQ(kept_.all[0].device_id, "thermostat");
  EXPECT_EQ(kept_.all[0].reason, flow::SecurityReason::token_expired);
  EXPECT_EQ(kept_.all[1].device_id, "intruder");
  EXPECT_EQ(kept_.all[1].reason, flow::SecurityReason::unauthorized);
}

TEST_F(EventHubTest, AHeldRefusalIsNotLostInACrashAndNotReadTwice) {
  std::counting_semaphore<> read(0);
  reader_ = [&](std::string_view body, std::uint64_t wall_ns) {
    read.release();
    return identity::read_log_event(body, wall_ns);
  };
  const auto wait_read = [&](int count) {
    for (; count > 0; --count) {
      if (!read.try_acquire_for(20s)) return false;
    }
    return true;
  };
  emulator_options_.partitions = 1;
  NewEvent event;
  event.enqueued_ms = 1'893'553'500'000;
  for (const std::string& body : {success("a", "2030-01-02T03:04:00Z"), refusal("thermostat", "2030-01-02T03:04:05Z"),
                                  success("b", "2030-01-02T03:04:07Z")}) {
    event.sections = {body};
    emulator().inject("0", event);
  }
  start();
  ASSERT_TRUE(kept_.wait([&] { return kept_.checkpoints.size() == 1; }));
  ASSERT_TRUE(wait_read(3));
  const auto kept_at_the_crash = kept_.checkpoints;
  EXPECT_TRUE(kept_.taken().empty());
  stop();  // an orderly end hands it on
  EXPECT_EQ(kept_.taken().size(), 1U);
  // As if it had been a crash instead:
  kept_.checkpoints = kept_at_the_crash;
  kept_.descriptions.clear();
  start();
  ASSERT_TRUE(wait_read(2)) << "the refusal and what is behind it";
  stop();
  EXPECT_EQ(kept_.taken().size(), 1U);
}

TEST_F(EventHubTest, TheKeyIsInNoTrace) {
  setenv("PN_TRACE_FRM", "1", 1);
  emulator();
  ::testing::internal::CaptureStderr();
  options_.slow_retry = 1h;
  emulator().inject("0", "a");
  start();
  EXPECT_TRUE(kept_.wait_for_records(1));
  stop();
  unsetenv("PN_TRACE_FRM");
  // The emulator is the other end, and traces what it gets; ours is all that goes out ("->").
  const std::string trace = ::testing::internal::GetCapturedStderr();
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    const bool ours = line.find("sasl-init") != std::string::npos && line.find("->") != std::string::npos;
    EXPECT_FALSE(ours) << line;
  }
}

}  // namespace
}  // namespace iris::registry
