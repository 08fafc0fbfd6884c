// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zstd.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "wire/batch_codec.h"
#include "wire/flow_codec.h"
#include "wire/flow_columns.h"
#include "wire/memory_cost.h"

namespace iris::wire {
namespace {

constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();

/// Of the thread: making one costs more than reading a small batch with it.
ZSTD_DCtx* decompressor() {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  static thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  return context.get();
}

base::Result<std::string> decompress(std::string_view content, std::uint32_t content_bytes) {
  std::string plain(content_bytes, '\0');
  const std::size_t size = ZSTD_decompressDCtx(decompressor(), plain.data(), plain.size(), content.data(), content.size());
  if (ZSTD_isError(size) != 0) return base::fail(std::string("a batch is not zstd: ") + ZSTD_getErrorName(size));
  if (size != plain.size()) return base::fail("a batch has another size than it says");
  return plain;
}

void fill_values(v1::Flow& flow, const FlowValues& values, const v1::StreamContent& content) {
  const std::uint64_t start = content.start_wall_ns() + values[0];
  flow.set_window_start_wall_ns(start);
  flow.set_window_end_wall_ns(content.end_wall_ns() + values[1]);
  flow.set_first_seen_wall_ns(columns::to_seen(values[2], start));
  flow.set_last_seen_wall_ns(columns::to_seen(values[3], start));
  flow.set_opened(values[4]);
  flow.set_established(values[5]);
  flow.set_closed(values[6]);
  flow.set_active(values[7]);
  for (std::size_t i = 0; i < flow::kFailureReasons; ++i) flow.add_failed(values[8 + i]);
  flow.set_originator_bytes(values[14]);
  flow.set_responder_bytes(values[15]);
  flow.set_originator_packets(values[16]);
  flow.set_responder_packets(values[17]);
  flow.set_retransmits(values[18]);
  if (values[19] == 0) return;
  flow.mutable_rtt()->set_min_us(static_cast<std::uint32_t>(values[19] - 1));
  flow.mutable_rtt()->set_mean_us(static_cast<std::uint32_t>(values[20] - 1));
  flow.mutable_rtt()->set_max_us(static_cast<std::uint32_t>(values[21] - 1));
}

bool rtt_in_range(const FlowValues& values) {
  const bool measured = values[19] != 0;
  for (std::size_t i = 19; i < kFlowColumns; ++i) {
    if ((values[i] != 0) != measured || values[i] > kMost32 + 1) return false;
  }
  return true;
}

}  // namespace

class StreamDecoder::Impl {
 public:
  base::Result<flow::Batch> decode(std::string_view bytes, std::uint32_t content_bytes, bool compressed) {
    if (broken_) return base::fail("the stream is broken");
    auto batch = read(bytes, content_bytes, compressed);
    broken_ = !batch;
    return batch;
  }

 private:
  struct Key {
    v1::Flow flow;
    FlowValues last{};
    std::size_t bytes = 0;  // 0: never defined
  };

  base::Result<flow::Batch> read(std::string_view bytes, std::uint32_t content_bytes, bool compressed) {
    if (content_bytes > kMaxContentBytes || (!compressed && content_bytes != bytes.size())) {
      return base::fail("a batch of a size that is not allowed");
    }
    v1::StreamContent content;
    if (compressed) {
      const auto plain = decompress(bytes, content_bytes);
      if (!plain) return tl::unexpected(plain.error());
      if (!content.ParseFromString(*plain)) return base::fail("a batch cannot be decoded");
    } else if (!content.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return base::fail("a batch cannot be decoded");
    }
    if (content.end_wall_ns() < content.start_wall_ns()) return base::fail("a batch whose window ends before it starts");
    if (content.forget_keys()) {
      keys_.clear();
      key_bytes_ = 0;
    }
    decoded_bytes_ = 0;
    flow::Batch batch{content.start_wall_ns(), content.end_wall_ns(), {}, {}};
    for (const auto& gap : content.gaps()) {
      batch.gaps.push_back({gap.start_wall_ns(), gap.end_wall_ns(), gap.reason(), gap.windows(), gap.flows()});
    }
    for (const auto& block : content.blocks()) {
      if (auto taken = take_block(block, content, batch); !taken) return tl::unexpected(std::move(taken.error()));
    }
    return batch;
  }

  base::Result<void> take_block(const v1::Block& block, const v1::StreamContent& content, flow::Batch& batch) {
    for (const auto& message : block.messages()) {
      if (message.kind_case() == v1::Message::KIND_NOT_SET) continue;  // of a later version
      if (message.kind_case() == v1::Message::kOwner) {
        if (auto added = records_.add_owner(message.owner()); !added) return added;
      } else if (auto added = add_record(message, batch); !added) {
        return added;
      }
    }
    if (block.keys_size() != block.key_numbers_size()) return base::fail("keys without numbers");
    for (int i = 0; i < block.keys_size(); ++i) {
      if (auto defined = define_key(block.key_numbers(i), block.keys(i)); !defined) return defined;
    }
    return take_flows(block, content, batch);
  }

  base::Result<void> define_key(std::uint32_t number, const v1::Flow& flow) {
    if (number >= kMaxFlowKeys || number > keys_.size()) return base::fail("a key number out of range");
    const std::size_t bytes = flow.ByteSizeLong() + 1;
    if (bytes > kMaxFlowKeyBytes + 1) return base::fail("a key that is too large");
    if (number == keys_.size()) keys_.emplace_back();
    Key& key = keys_[number];
    key_bytes_ += bytes - key.bytes;
    if (key_bytes_ > kMaxFlowKeysBytes + kMaxContentBytes) return base::fail("keys that are too large in all");
    key = {flow, {}, bytes};
    return {};
  }

  base::Result<void> take_flows(const v1::Block& block, const v1::StreamContent& content, flow::Batch& batch) {
    const auto columns = columns_of(block);
    const std::uint32_t flows = block.flows();
    if (static_cast<std::uint32_t>(block.key_size()) != flows) return base::fail("flows without keys");
    for (const auto* column : columns) {
      if (static_cast<std::uint32_t>(column->size()) > flows) return base::fail("a column of more values than flows");
    }
    for (int i = 0; i < block.key_size(); ++i) {
      if (block.key(i) >= keys_.size() || keys_[block.key(i)].bytes == 0) return base::fail("a key that was not defined");
      Key& key = keys_[block.key(i)];
      for (std::size_t c = 0; c < kFlowColumns; ++c) {
        if (i < columns[c]->size()) key.last[c] += static_cast<std::uint64_t>(columns[c]->Get(i));
      }
      if (!rtt_in_range(key.last)) return base::fail("a round-trip time out of range");
      *message_.mutable_flow() = key.flow;
      fill_values(*message_.mutable_flow(), key.last, content);
      if (auto added = add_record(message_, batch); !added) return added;
    }
    return {};
  }

  base::Result<void> add_record(const v1::Message& message, flow::Batch& batch) {
    auto record = records_.decode(message);
    if (!record) return tl::unexpected(std::move(record.error()));
    decoded_bytes_ += memory_cost(*record);
    if (decoded_bytes_ > kMaxDecodedBytes || batch.records.size() >= kMaxBatchRecords) {
      return base::fail("a batch that takes too much memory");
    }
    batch.records.push_back(std::move(*record));
    return {};
  }

  RecordDecoder records_;
  std::vector<Key> keys_;
  std::size_t key_bytes_ = 0;
  std::size_t decoded_bytes_ = 0;
  v1::Message message_;
  bool broken_ = false;
};

StreamDecoder::StreamDecoder() : impl_(std::make_unique<Impl>()) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
base::Result<flow::Batch> StreamDecoder::decode(std::string_view content, std::uint32_t content_bytes, bool compressed) {
  return impl_->decode(content, content_bytes, compressed);
}

}  // namespace iris::wire
