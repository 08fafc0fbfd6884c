// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "iris/v1/collector.grpc.pb.h"
#include "wire/batch_codec.h"

namespace iris::test_support {

inline v1::AgentMessage hello(std::uint32_t version = 1) {
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
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
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

}  // namespace iris::test_support
