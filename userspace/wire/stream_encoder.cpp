// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zstd.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "wire/batch_codec.h"
#include "wire/flow_codec.h"
#include "wire/flow_columns.h"

namespace iris::wire {
namespace {

constexpr int kCompressionLevel = 3;

/// Of the thread: making one costs more than compressing a small batch with it.
ZSTD_CCtx* compressor() {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  static thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  return context.get();
}

/// What a flow's message holds beside what is sent in columns.
void strip_values(v1::Flow& flow) {
  flow.clear_window_start_wall_ns();
  flow.clear_window_end_wall_ns();
  flow.clear_first_seen_wall_ns();
  flow.clear_last_seen_wall_ns();
  flow.clear_opened();
  flow.clear_established();
  flow.clear_closed();
  flow.clear_active();
  flow.clear_failed();
  flow.clear_originator_bytes();
  flow.clear_responder_bytes();
  flow.clear_originator_packets();
  flow.clear_responder_packets();
  flow.clear_retransmits();
  flow.clear_rtt();
}

/// Names are cut so that a key is never larger than the receiver accepts.
void limit_key(v1::Flow& flow) {
  while (flow.ByteSizeLong() > kMaxFlowKeyBytes && flow.peer_names_size() > 0) flow.mutable_peer_names()->RemoveLast();
  while (flow.ByteSizeLong() > kMaxFlowKeyBytes && flow.processes_size() > 0) flow.mutable_processes()->RemoveLast();
  if (flow.ByteSizeLong() > kMaxFlowKeyBytes) flow.clear_peer_device();
}

}  // namespace

class StreamEncoder::Impl {
 public:
  base::Result<EncodedContent> encode(const flow::Batch& batch) {
    if (batch.records.size() > kMaxBatchRecords) {
      return base::fail(fmt::format("a batch of more than {} records", kMaxBatchRecords));
    }
    content_.Clear();
    content_.set_start_wall_ns(batch.start_wall_ns);
    content_.set_end_wall_ns(batch.end_wall_ns);
    for (const auto& gap : batch.gaps) add_gap(gap);
    if (key_bytes_ > kMaxFlowKeysBytes / 2) forget_keys();
    begin_block();
    for (const auto& record : batch.records) {
      if (std::holds_alternative<flow::FlowRecord>(record)) {
        add_flow(record, batch);
      } else {
        records_.encode(record, [this](const v1::Message& message) { add_message(message); });
      }
    }
    return pack();
  }

 private:
  struct Key {
    std::string text;   // serialized
    FlowValues last{};
    std::uint64_t block = 0;  // used in it
  };

  void add_gap(const flow::Gap& gap) {
    auto* to = content_.add_gaps();
    to->set_start_wall_ns(gap.start_wall_ns);
    to->set_end_wall_ns(gap.end_wall_ns);
    to->set_reason(gap.reason);
    to->set_windows(gap.windows);
    to->set_flows(gap.flows);
  }

  void begin_block() {
    block_ = content_.add_blocks();
    ++block_number_;
  }

  /// Messages stand in front of the flows of their block.
  void add_message(const v1::Message& message) {
    if (block_->flows() > 0) begin_block();
    *block_->add_messages() = message;
  }

  void add_flow(const flow::Record& record, const flow::Batch& batch) {
    records_.encode(record, [&](const v1::Message& message) {
      if (message.kind_case() != v1::Message::kFlow) return add_message(message);
      // The number stays the same while the key does, its owner numbers included.
      v1::Flow key = message.flow();
      strip_values(key);
      limit_key(key);
      add_values(number_of(key), values_of(std::get<flow::FlowRecord>(record), batch.start_wall_ns, batch.end_wall_ns));
    });
  }

  std::uint32_t number_of(const v1::Flow& key) {
    std::string text = key.SerializeAsString();
    if (const auto known = numbers_.find(text); known != numbers_.end()) return known->second;
    if (next_ == kMaxFlowKeys) next_ = 0;
    const std::uint32_t number = next_++;
    if (number == keys_.size()) {
      keys_.emplace_back();
    } else {
      // Definitions stand in front of the flows: a number has one meaning in a block.
      if (keys_[number].block == block_number_) begin_block();
      key_bytes_ -= keys_[number].text.size();
      numbers_.erase(keys_[number].text);
    }
    key_bytes_ += text.size();
    numbers_.emplace(text, number);
    keys_[number] = {std::move(text), {}, 0};
    *block_->add_keys() = key;
    block_->add_key_numbers(number);
    return number;
  }

  void add_values(std::uint32_t number, const FlowValues& values) {
    Key& key = keys_[number];
    key.block = block_number_;
    const auto columns = columns_of(*block_);
    const int index = static_cast<int>(block_->flows());
    for (std::size_t i = 0; i < kFlowColumns; ++i) {
      const auto difference = static_cast<std::int64_t>(values[i] - key.last[i]);
      if (difference == 0) continue;  // what is missing at the end is zero
      while (columns[i]->size() < index) columns[i]->Add(0);
      columns[i]->Add(difference);
    }
    key.last = values;
    block_->add_key(number);
    block_->set_flows(block_->flows() + 1);
  }

  void forget_keys() {
    content_.set_forget_keys(true);
    numbers_.clear();
    keys_.clear();
    key_bytes_ = 0;
    next_ = 0;
  }

  base::Result<EncodedContent> pack() {
    EncodedContent packed;
    if (content_.ByteSizeLong() > kMaxContentBytes) {
      // The receiver never sees it, so nothing of it may be referred to.
      return base::fail(fmt::format("a batch of {} bytes; at most {} can be sent", content_.ByteSizeLong(), kMaxContentBytes));
    }
    packed.bytes = content_.SerializeAsString();
    packed.content_bytes = static_cast<std::uint32_t>(packed.bytes.size());
    std::string smaller(ZSTD_compressBound(packed.bytes.size()), '\0');
    const std::size_t size =
        ZSTD_compressCCtx(compressor(), smaller.data(), smaller.size(), packed.bytes.data(), packed.bytes.size(), kCompressionLevel);
    if (ZSTD_isError(size) == 0 && size < packed.bytes.size()) {
      smaller.resize(size);
      packed.bytes = std::move(smaller);
      packed.compressed = true;
    }
    return packed;
  }

  RecordEncoder records_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<Key> keys_;
  std::size_t key_bytes_ = 0;
  std::uint32_t next_ = 0;
  std::uint64_t block_number_ = 0;
  v1::StreamContent content_;
  v1::Block* block_ = nullptr;
};

StreamEncoder::StreamEncoder() : impl_(std::make_unique<Impl>()) {}
StreamEncoder::~StreamEncoder() = default;
StreamEncoder::StreamEncoder(StreamEncoder&&) noexcept = default;
base::Result<EncodedContent> StreamEncoder::encode(const flow::Batch& batch) { return impl_->encode(batch); }

}  // namespace iris::wire
