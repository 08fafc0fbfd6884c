// SPDX-License-Identifier: Apache-2.0
// The collector against agents that do not keep to the protocol, or to its version.
#include <gmock/gmock.h>

#include <thread>

#include "collector/raw_agent.h"
#include "ship/stream_fixture.h"

namespace iris::collector {
namespace {

using namespace test_support;

class ProtocolTest : public StreamTest {
 protected:
  void SetUp() override {
    start_plain();
    id = add_gateway("g1");
  }
  std::unique_ptr<RawAgent> agent() const {
    return std::make_unique<RawAgent>(server->port(), "Bearer " + tokens.at("g1"));
  }
  std::unique_ptr<RawAgent> greeted_agent() const {
    auto raw = agent();
    raw->write(hello());
    EXPECT_TRUE(raw->read()->has_welcome());
    return raw;
  }
  std::int64_t id = 0;
};

TEST_F(ProtocolTest, NewerAgentIsUnderstood) {
  const auto raw = agent();
  auto first = hello(2);
  first.mutable_hello()->MergeFromString("\xa0\x06\x05");
  raw->write(first);
  const auto answer = raw->read();
  ASSERT_TRUE(answer && answer->has_welcome());
  EXPECT_EQ(answer->welcome().protocol_version(), 1U);
  EXPECT_EQ(answer->welcome().max_content_bytes(), wire::kMaxContentBytes);
  v1::AgentMessage strange;
  strange.MergeFromString("\xa0\x06\x05");
  raw->write(strange);
  raw->write(raw->batch(1, 2));
  EXPECT_EQ(raw->read_acknowledgement(), 2U);
}

TEST_F(ProtocolTest, NoUsableTokenNoStream) {
  for (const std::string& value : {std::string(), std::string("Bearer "), "Basic " + tokens["g1"], tokens["g1"],
                                   "Bearer " + tokens["g1"] + "x"}) {
    RawAgent raw(server->port(), value);
    raw.write(hello());
    EXPECT_EQ(raw.finish(), grpc::StatusCode::UNAUTHENTICATED) << value.substr(0, 7);
  }
  EXPECT_EQ(server->status().refused_streams, 5U);
  EXPECT_EQ(server->status().streams, 0U);
}

TEST_F(ProtocolTest, MalformedBatchesEndTheStreamAndAreCounted) {
  using Spoil = std::function<void(v1::EncodedBatch&)>;
  const std::vector<Spoil> spoilers{
      [](auto& batch) { batch.set_content(std::string(300, '\xff')); },
      [](auto& batch) { batch.set_content_bytes(UINT32_MAX); },
      [](auto& batch) { batch.set_first_sequence(0); },
      [](auto& batch) { batch.set_first_sequence(9); },
      [](auto& batch) { batch.set_last_sequence(UINT64_MAX); },
      [](auto& batch) { batch.set_compression(static_cast<v1::Compression>(77)); },
      [](auto& batch) { batch.clear_content(); },
  };
  for (const auto& spoil : spoilers) {
    const auto raw = greeted_agent();
    auto message = raw->batch(1, 2);
    spoil(*message.mutable_batch());
    raw->write(message);
    EXPECT_EQ(raw->finish(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_EQ(server->status().malformed_batches, spoilers.size());
  EXPECT_EQ(store.windows(id), one_to(0));
}

TEST_F(ProtocolTest, HelloComesFirstAndOnce) {
  const auto early = agent();
  early->write(early->batch(1, 1));
  EXPECT_EQ(early->finish(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto twice = greeted_agent();
  twice->write(hello());
  EXPECT_EQ(twice->finish(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto versionless = agent();
  versionless->write(hello(0));
  EXPECT_EQ(versionless->finish(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(store.windows(id), one_to(0));
}

TEST_F(ProtocolTest, ReplayedStreamDoesNotCountTwice) {
  for (int round = 0; round < 2; ++round) {
    const auto raw = greeted_agent();
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
      raw->write(raw->batch(sequence, sequence));
      EXPECT_EQ(raw->read_acknowledgement(), sequence);
    }
  }
  EXPECT_EQ(store.windows(id), one_to(3));
  EXPECT_EQ(server->status().duplicates, 3U);
}

TEST_F(ProtocolTest, OverlapEndsTheStreamAndNothingBehindItIsCommitted) {
  const auto raw = greeted_agent();
  raw->write(raw->batch(1, 3));
  EXPECT_EQ(raw->read_acknowledgement(), 3U);
  raw->write(raw->batch(3, 5));
  raw->write(raw->batch(6, 6));
  EXPECT_EQ(raw->finish(), grpc::StatusCode::FAILED_PRECONDITION);
  const auto again = agent();
  again->write(hello());
  EXPECT_EQ(again->read()->welcome().acknowledged_sequence(), 3U);
  EXPECT_EQ(store.windows(id), one_to(3));
}

TEST_F(ProtocolTest, OverlapThatOnlyTheStoreSees) {
  const auto raw = greeted_agent();
  // Another collector on the same store was given the first two meanwhile.
  store::IngestBatch other;
  other.gateway_id = id;
  other.epoch = 7;
  other.first_sequence = 1;
  other.last_sequence = 2;
  ASSERT_TRUE(store.commit({&other, 1}, 1));
  raw->write(raw->batch(1, 3));
  raw->write(raw->batch(4, 4));
  EXPECT_EQ(raw->finish(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(store.committed().size(), 1U);
}

TEST_F(ProtocolTest, StreamsAreNotReadWhileTooMuchWaits) {
  server.reset();
  IngestOptions options;
  options.max_waiting_batches = 4;
  start_plain(options);
  std::atomic<bool> held{true};
  store.before_commit([&]() -> base::Result<void> {
    while (held) std::this_thread::sleep_for(1ms);
    return {};
  });
  const auto raw = greeted_agent();
  for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) raw->write(raw->batch(sequence, sequence));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(server->status().waiting_batches, 4U);
  held = false;
  while (raw->read_acknowledgement() < 40) {
  }
  EXPECT_EQ(store.windows(id), one_to(40));
  server->stop(5s);  // the last acknowledgement leaves before the account is settled
  EXPECT_EQ(server->status().waiting_batches, 0U);
}

}  // namespace
}  // namespace iris::collector
