// SPDX-License-Identifier: Apache-2.0
// What decides: how far a partition was read, what a fault means, where to connect.
#include <gmock/gmock.h>

#include "registry/event_hub_fault.h"
#include "registry/event_hub_progress.h"
#include "registry/tcp_socket.h"

namespace iris::registry {
namespace {

using Verdict = PartitionProgress::Verdict;
using Kind = Fault::Kind;
using ::testing::HasSubstr;
using ::testing::Not;

Event event(std::int64_t sequence, std::int64_t enqueued_ms = 1000, std::string offset = "") {
  Event made;
  made.sequence = sequence;
  made.enqueued_ms = enqueued_ms;
  made.offset = offset.empty() ? "o" + std::to_string(sequence) : std::move(offset);
  return made;
}

TEST(PartitionProgress, RepeatedLateAndMissingNumbers) {
  PartitionProgress progress({Position::Kind::earliest, "", 0});
  EXPECT_EQ(progress.checkpoint(), std::nullopt);
  EXPECT_EQ(progress.take(event(10)), Verdict::fresh);
  EXPECT_EQ(progress.take(event(9)), Verdict::repeated);  // lies before the begin
  EXPECT_EQ(progress.take(event(10)), Verdict::repeated);
  EXPECT_EQ(progress.take(event(14)), Verdict::fresh);    // gaps are possible
  EXPECT_EQ(progress.take(event(12)), Verdict::fresh);    // late
  EXPECT_EQ(progress.checkpoint(), "o14");                // and no step back
  EXPECT_EQ(progress.take(event(12)), Verdict::repeated);
  EXPECT_EQ(progress.take(event(14)), Verdict::repeated);
  EXPECT_EQ(progress.take(event(200)), Verdict::fresh);
  EXPECT_EQ(progress.take(event(200 - 63)), Verdict::fresh);
  EXPECT_EQ(progress.take(event(200 - 64)), Verdict::repeated);  // too old to tell
  EXPECT_EQ(progress.take(event(INT64_MAX)), Verdict::fresh);
  EXPECT_EQ(progress.take(event(INT64_MIN)), Verdict::repeated);
}

TEST(PartitionProgress, AHubMadeAnewShowsByItsTimes) {
  PartitionProgress progress({Position::Kind::earliest, "", 0});
  EXPECT_EQ(progress.take(event(500, 1000)), Verdict::fresh);
  EXPECT_EQ(progress.take(event(0, 999)), Verdict::repeated);
  EXPECT_EQ(progress.take(event(0, 2000, "new")), Verdict::restarted);
  EXPECT_EQ(progress.checkpoint(), "new");
  EXPECT_EQ(progress.take(event(1, 2000)), Verdict::fresh);
  EXPECT_EQ(progress.take(event(0, 2000)), Verdict::repeated);
}

TEST(PartitionProgress, EventsWithoutAnnotations) {
  PartitionProgress progress({Position::Kind::after_offset, "7", 0});
  EXPECT_EQ(progress.take(Event{}), Verdict::fresh);
  EXPECT_EQ(progress.checkpoint(), "7");
}

TEST(PartitionProgress, AfterAnAttachForNewEventsNoneIsMissed) {
  PartitionProgress progress({});
  EXPECT_EQ(progress.position().kind, Position::Kind::latest);
  progress.attached_at_latest(10'000'000);
  EXPECT_EQ(progress.position(), (Position{Position::Kind::enqueued_from, "", 9'700'000}));
  EXPECT_EQ(progress.checkpoint(), std::nullopt);
  progress.begin_after("5");
  progress.attached_at_latest(20'000'000);
  EXPECT_EQ(progress.checkpoint(), "5");
}

TEST(PartitionProgress, ALostPositionGoesOnFromTheTimeOrTheStart) {
  PartitionProgress fresh({Position::Kind::after_offset, "7", 0});
  EXPECT_TRUE(fresh.lose_position());
  EXPECT_EQ(fresh.position().kind, Position::Kind::earliest);

  PartitionProgress read({Position::Kind::after_offset, "7", 0});
  read.take(event(1, 4000));
  EXPECT_FALSE(read.lose_position());
  EXPECT_EQ(read.position(), (Position{Position::Kind::enqueued_from, "", 4000}));
  EXPECT_EQ(read.take(event(1, 4000)), Verdict::repeated);  // the time takes it in again
  EXPECT_EQ(read.take(event(2, 4000)), Verdict::fresh);
  EXPECT_FALSE(read.lose_position());
  EXPECT_TRUE(read.lose_position());  // the time was refused, too
}

const FaultPlace kPlace = {"logs", "$Default", "3", "listen"};

TEST(EventHubFault, ConditionsAreToldApart) {
  const auto kind = [](const char* condition) { return classify(FaultScope::link, condition, "text", kPlace).kind; };
  EXPECT_EQ(kind("amqp:unauthorized-access"), Kind::unauthorized);
  EXPECT_EQ(kind("com.microsoft:auth-failed"), Kind::unauthorized);
  EXPECT_EQ(kind("amqp:not-found"), Kind::not_found);
  EXPECT_EQ(kind("amqp:link:stolen"), Kind::stolen);
  EXPECT_EQ(kind("amqp:resource-limit-exceeded"), Kind::too_many_readers);
  EXPECT_EQ(kind("com.microsoft:server-busy"), Kind::busy);
  EXPECT_EQ(kind("amqp:link:detach-forced"), Kind::forced);
  EXPECT_EQ(kind("amqp:connection:forced"), Kind::forced);
  EXPECT_EQ(kind("com.microsoft:argument-error"), Kind::bad_position);
  EXPECT_EQ(kind("com.microsoft:argument-out-of-range"), Kind::bad_position);
  EXPECT_EQ(kind("amqp:internal-error"), Kind::protocol);
}

TEST(EventHubFault, APartitionOutOfRangeIsNoBadPosition) {
  EXPECT_EQ(classify(FaultScope::link, "com.microsoft:argument-out-of-range",
                     "The specified partition is invalid for an EventHub partition sender or receiver. It should be "
                     "between 0 and 3.", kPlace).kind, Kind::not_found);
  EXPECT_EQ(classify(FaultScope::link, "com.microsoft:argument-out-of-range",
                     "The supplied offset '99' is invalid. The last offset in the system is '5' in partition 3", kPlace).kind,
            Kind::bad_position);
}

TEST(EventHubFault, TransportConditionsMeanSomethingElse) {
  const auto kind = [](const char* condition, const char* text) {
    return classify(FaultScope::transport, condition, text, kPlace).kind;
  };
  EXPECT_EQ(kind("amqp:resource-limit-exceeded", "local-idle-timeout expired"), Kind::silent);
  EXPECT_EQ(kind("amqp:unauthorized-access", "Authentication failed [mech=PLAIN]"), Kind::unauthorized);
  EXPECT_EQ(kind("amqp:connection:framing-error", "SSL Failure: error:0A000086:SSL routines::certificate verify failed"),
            Kind::untrusted);
  EXPECT_EQ(kind("amqp:connection:framing-error", "SSL Failure: error:0A000126:SSL routines::unexpected eof while reading"),
            Kind::unreachable);
  EXPECT_EQ(kind("amqp:connection:framing-error", "connection aborted"), Kind::unreachable);
  EXPECT_EQ(kind("amqp:connection:framing-error", "SSL Failure: error:0A00010B:SSL routines::wrong version number"),
            Kind::untrusted);
  EXPECT_EQ(kind("amqp:decode-error", "x"), Kind::protocol);
  EXPECT_THAT(classify(FaultScope::transport, "amqp:unauthorized-access", "Authentication failed [mech=none]", kPlace).text,
              HasSubstr("libsasl2-modules"));
}

TEST(EventHubFault, StatusesOfAnswers) {
  EXPECT_EQ(classify_status(401, "", "", kPlace).kind, Kind::unauthorized);
  EXPECT_EQ(classify_status(404, "", "", kPlace).kind, Kind::not_found);
  EXPECT_EQ(classify_status(503, "", "", kPlace).kind, Kind::busy);
  EXPECT_EQ(classify_status(500, "com.microsoft:server-busy", "", kPlace).kind, Kind::busy);
  EXPECT_EQ(classify_status(0, "", "no answer", kPlace).kind, Kind::protocol);
}

TEST(EventHubFault, OnlyAnOperatorHelps) {
  for (const auto kind : {Kind::untrusted, Kind::unauthorized, Kind::not_found, Kind::stolen, Kind::too_many_readers}) {
    EXPECT_TRUE((Fault{kind, ""}.is_lasting()));
  }
  for (const auto kind : {Kind::unreachable, Kind::busy, Kind::forced, Kind::bad_position, Kind::silent, Kind::protocol}) {
    EXPECT_FALSE((Fault{kind, ""}.is_lasting()));
  }
}

TEST(EventHubFault, ForeignTextIsMadeHarmless) {
  EXPECT_EQ(harmless("a\nb\x1b[31m\xc3\xa4"), "a b [31m");
  EXPECT_EQ(harmless("bad token SharedAccessSignature sr=x&sig=y"), "bad token");
  EXPECT_EQ(harmless(std::string(1000, 'x')).size(), 160U);
  EXPECT_THAT(classify(FaultScope::link, "amqp:internal-error", "key sig=abc", kPlace).text, Not(HasSubstr("abc")));
}

TEST(EventHubSocket, Endpoints) {
  const auto text = [](const std::string& input) {
    const auto endpoint = parse_endpoint(input, 5671);
    return endpoint ? endpoint->host + "|" + std::to_string(endpoint->port) : "none";
  };
  EXPECT_EQ(text("ns.example"), "ns.example|5671");
  EXPECT_EQ(text("ns.example:443"), "ns.example|443");
  EXPECT_EQ(text("[2001:db8::1]:7"), "2001:db8::1|7");
  EXPECT_EQ(text("[2001:db8::1]"), "2001:db8::1|5671");
  EXPECT_EQ(text("2001:db8::1"), "2001:db8::1|5671");
  for (const char* bad : {"", ":5", "host:", "host:0", "host:65536", "host:5x", "[::1", "[::1]5", "[::1]:"}) EXPECT_EQ(text(bad), "none") << bad;
}

}  // namespace
}  // namespace iris::registry
