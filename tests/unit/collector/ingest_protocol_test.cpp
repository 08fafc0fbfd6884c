// SPDX-License-Identifier: Apache-2.0
// The collector against agents that do not keep to the protocol, or to its version.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <thread>

#include "iris/v1/collector.grpc.pb.h"
#include "ship/stream_fixture.h"
#include "wire/batch_codec.h"

namespace iris::collector {
namespace {

using namespace test_support;

v1::AgentMessage hello(std::uint32_t version = 1) {
  v1::AgentMessage message;
  message.mutable_hello()->set_protocol_version(version);
  message.mutable_hello()->set_epoch(7);
  return message;
}

/// An agent whose every message the test writes.
class RawAgent {
 public:
  RawAgent(int port, const std::string& token)
      : stub_(v1::Collector::NewStub(
            grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()))) {
    if (!token.empty()) context_.AddMetadata("authorization", token);
    context_.set_deadline(std::chrono::system_clock::now() + 10s);
    stream_ = stub_->Ship(&context_);
  }
  ~RawAgent() {
    context_.TryCancel();
    if (!finished_) finish();
  }
  void write(const v1::AgentMessage& message) { stream_->Write(message); }
  v1::AgentMessage batch(std::uint64_t first, std::uint64_t last) {
    flow::Batch content;
    flow::Ledger ledger;
    for (ledger.sequence = first; ledger.sequence <= last; ++ledger.sequence) content.records.push_back(ledger);
    auto encoded = encoder_.encode(content);
    v1::AgentMessage message;
    message.mutable_batch()->set_first_sequence(first);
    message.mutable_batch()->set_last_sequence(last);
    message.mutable_batch()->set_content_bytes(encoded->content_bytes);
    message.mutable_batch()->set_content(encoded->bytes);
    if (encoded->compressed) message.mutable_batch()->set_compression(v1::COMPRESSION_ZSTD);
    return message;
  }
  std::optional<v1::CollectorMessage> read() {
    v1::CollectorMessage message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  std::uint64_t read_acknowledgement() {
    const auto message = read();
    return message ? message->acknowledge().sequence() : 0;
  }
  grpc::StatusCode finish() {
    finished_ = true;
    while (read()) {
    }
    return stream_->Finish().error_code();
  }

 private:
  std::unique_ptr<v1::Collector::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>> stream_;
  wire::StreamEncoder encoder_;
  bool finished_ = false;
};

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
