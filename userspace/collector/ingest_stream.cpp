// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest_stream.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "collector/committer.h"
#include "wire/memory_cost.h"

namespace iris::collector {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kMaxHelloTextBytes = 256;
constexpr std::chrono::seconds kHelloTimeout{15};
constexpr std::chrono::seconds kEndTimeout{10};

std::size_t memory_of(const flow::Batch& batch) {
  return std::accumulate(batch.records.begin(), batch.records.end(), std::size_t{0},
                         [](std::size_t sum, const flow::Record& record) { return sum + wire::memory_cost(record); });
}

bool compression_known(v1::Compression compression) {
  return compression == v1::COMPRESSION_NONE || compression == v1::COMPRESSION_ZSTD;
}

}  // namespace

std::shared_ptr<IngestStream> IngestStream::open(grpc::CallbackServerContext& context, Credential credential,
                                                 Committer& committer, IngestCounters& counters) {
  std::shared_ptr<IngestStream> stream(new IngestStream(context, std::move(credential), committer, counters));
  stream->self_ = stream;
  return stream;
}

IngestStream::IngestStream(grpc::CallbackServerContext& context, Credential credential, Committer& committer,
                           IngestCounters& counters)
    : credential_(std::move(credential)), committer_(committer), counters_(counters), context_(&context) {}

void IngestStream::admit(const store::Gateway& gateway) {
  const std::lock_guard lock(mutex_);
  gateway_ = gateway;
  if (end_) return;  // gone again
  admitted_ = true;
  ++counters_.streams;
  read();
}

void IngestStream::welcome(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  last_sequence_ = position;
  greeted_ = true;
  decoder_.emplace();
  position_to_tell_ = position;
  pump();
  read();
}

void IngestStream::acknowledge(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  to_acknowledge_ = std::max(to_acknowledge_, sequence);
  pump();
}

void IngestStream::resume() {
  const std::lock_guard lock(mutex_);
  read();
}

void IngestStream::end(Status status) {
  const std::lock_guard lock(mutex_);
  end_locked(std::move(status));
}

void IngestStream::fail(Status status) {
  const std::lock_guard lock(mutex_);
  failed_ = true;
  end_locked(std::move(status));
}

bool IngestStream::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

void IngestStream::check_times(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (end_) {
    if (context_ != nullptr && now - ended_at_ > kEndTimeout) context_->TryCancel();
  } else if (!greeted_ && now - opened_at_ > kHelloTimeout) {
    end_locked(Status(StatusCode::DEADLINE_EXCEEDED, "no Hello"));
  }
}

void IngestStream::read() {
  if (!end_) StartRead(&incoming_);
}

void IngestStream::pump() {
  if (writing_ || finished_) return;
  if (position_to_tell_) {
    auto& welcome = *outgoing_.mutable_welcome();
    welcome.set_protocol_version(std::min(kProtocolVersion, hello_.protocol_version()));
    welcome.set_acknowledged_sequence(*position_to_tell_);
    welcome.set_max_content_bytes(static_cast<std::uint32_t>(wire::kMaxContentBytes));
    position_to_tell_.reset();
  } else if (to_acknowledge_ != 0) {
    outgoing_.mutable_acknowledge()->set_sequence(std::exchange(to_acknowledge_, 0));
  } else {
    if (!end_) return;
    finished_ = true;
    Finish(*end_);
    return;
  }
  writing_ = true;
  StartWrite(&outgoing_);
}

void IngestStream::end_locked(Status status) {
  if (end_) return;
  end_ = std::move(status);
  ended_at_ = Clock::now();
  pump();
}

void IngestStream::OnReadDone(bool ok) {
  if (!ok) return end(Status::OK);
  switch (incoming_.kind_case()) {
    case v1::AgentMessage::kHello:
      return take_hello();
    case v1::AgentMessage::kBatch:
      return take_batch();
    case v1::AgentMessage::KIND_NOT_SET:
      return resume();  // of a newer agent
  }
}

void IngestStream::take_hello() {
  const std::lock_guard lock(mutex_);
  if (greeted_) return end_locked(Status(StatusCode::INVALID_ARGUMENT, "a second Hello"));
  hello_.Swap(incoming_.mutable_hello());
  incoming_.Clear();
  if (hello_.protocol_version() == 0) {
    return end_locked(Status(StatusCode::INVALID_ARGUMENT, "Hello without a protocol version"));
  }
  for (auto* text : {hello_.mutable_agent_version(), hello_.mutable_host_name(), hello_.mutable_kernel_release()}) {
    if (text->size() > kMaxHelloTextBytes) text->assign(*text, 0, kMaxHelloTextBytes);
  }
  epoch_ = hello_.epoch();
  if (!end_) committer_.greet(shared_from_this());
}

Status IngestStream::check_sequences(const v1::EncodedBatch& batch) const {
  const auto first = batch.first_sequence();
  const auto last = batch.last_sequence();
  if (first == 0 || last < first || last > INT64_MAX) return {StatusCode::INVALID_ARGUMENT, "impossible sequences"};
  if (first <= last_sequence_ && last > last_sequence_) {
    return {StatusCode::FAILED_PRECONDITION, "part of the batch is there already"};
  }
  return Status::OK;
}

void IngestStream::take_batch() {
  const auto& message = incoming_.batch();
  const auto malformed = [this](const std::string& why) {
    ++counters_.malformed_batches;
    end(Status(StatusCode::INVALID_ARGUMENT, why));
  };
  {
    const std::lock_guard lock(mutex_);
    if (!greeted_) return end_locked(Status(StatusCode::INVALID_ARGUMENT, "a batch before the Welcome"));
  }
  counters_.received_bytes += message.content().size();
  const auto order = check_sequences(message);
  if (order.error_code() == StatusCode::INVALID_ARGUMENT) return malformed(order.error_message());
  if (!order.ok()) return end(order);
  if (message.content_bytes() > wire::kMaxContentBytes) return malformed("too large");
  if (!compression_known(message.compression())) return malformed("unknown compression");
  auto batch = decoder_->decode(message.content(), message.content_bytes(),
                               message.compression() == v1::COMPRESSION_ZSTD);
  if (!batch) return malformed(batch.error().message);
  last_sequence_ = std::max(last_sequence_, message.last_sequence());
  store::IngestBatch waiting{gateway_.id, epoch_, message.first_sequence(), message.last_sequence(),
                             std::move(*batch), {}};
  std::size_t bytes = memory_of(waiting.batch);
  if (committer_.judged()) {  // here, where there are several threads
    auto packed = wire::pack(waiting.batch);
    if (!packed) return malformed(packed.error().message);
    waiting.packed = std::move(*packed);
    bytes += waiting.packed.size();
  }
  incoming_.Clear();

  // Under the lock: once the stream has ended, nothing of it goes to the committer.
  const std::lock_guard lock(mutex_);
  if (!end_ && committer_.put(shared_from_this(), std::move(waiting), bytes)) read();
}

void IngestStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  outgoing_.Clear();
  if (!ok) {
    position_to_tell_.reset();
    to_acknowledge_ = 0;
    end_locked(Status::CANCELLED);
  }
  pump();
}

void IngestStream::OnCancel() { end(Status::CANCELLED); }

void IngestStream::OnDone() {
  std::shared_ptr<IngestStream> last_hold;
  const std::lock_guard lock(mutex_);
  context_ = nullptr;
  if (admitted_) --counters_.streams;
  last_hold.swap(self_);
}

}  // namespace iris::collector
