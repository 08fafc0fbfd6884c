// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>

#include "wire/batch_codec.h"
#include "wire/memory_cost.h"
#include "wire/record_format.h"
#include "wire/stream_numbers.h"

namespace iris::wire {
namespace {

using Column = google::protobuf::RepeatedField<std::int64_t>* (v1::Block::*)();

/// In the order of batch.proto.
constexpr std::array<Column, 6 + kCounters + kRtts + flow::kFailureReasons> kColumns{
    &v1::Block::mutable_key,              &v1::Block::mutable_shape,
    &v1::Block::mutable_window_start,     &v1::Block::mutable_window_end,
    &v1::Block::mutable_first_seen,       &v1::Block::mutable_last_seen,
    &v1::Block::mutable_opened,           &v1::Block::mutable_established,
    &v1::Block::mutable_closed,           &v1::Block::mutable_active,
    &v1::Block::mutable_originator_bytes, &v1::Block::mutable_responder_bytes,
    &v1::Block::mutable_originator_packets, &v1::Block::mutable_responder_packets,
    &v1::Block::mutable_retransmits,      &v1::Block::mutable_rtt_min_us,
    &v1::Block::mutable_rtt_mean_us,      &v1::Block::mutable_rtt_max_us,
    &v1::Block::mutable_refused,          &v1::Block::mutable_timed_out,
    &v1::Block::mutable_unreachable,      &v1::Block::mutable_broken,
    &v1::Block::mutable_denied,           &v1::Block::mutable_failed_otherwise};

constexpr int kCompressionLevel = 3;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

/// Rounded down.
std::int64_t whole_ms(std::uint64_t later_ns, std::uint64_t earlier_ns) {
  const std::int64_t ns = difference(later_ns, earlier_ns);
  return ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0);
}

}  // namespace

class StreamEncoder::Impl {
 public:
  base::Result<EncodedContent> encode(const flow::Batch& batch);

 private:
  using Full = StreamNumbers::Full;
  using OrFull = StreamNumbers::OrFull<void>;

  void begin(const flow::Batch& batch);
  base::Result<void> add(const flow::Record& record);
  OrFull try_add(const flow::Record& record);
  OrFull try_add_flow(const flow::FlowRecord& flow);
  OrFull try_add_record(const flow::Record& record);
  OrFull try_add_ledger(const flow::Ledger& ledger);
  void end_block();

  void add_values(const flow::FlowRecord& flow, LastValues& last);
  void put(std::size_t column, std::int64_t value) { columns_[column]->Add(value); }
  v1::StreamRecord& next_record();

  StreamNumbers numbers_;
  LastBatch last_;
  bool broken_ = false;
  std::unique_ptr<ZSTD_CCtx, FreeContext> compressor_{ZSTD_createCCtx()};

  // Of the batch and of the block at hand.
  v1::StreamContent content_;
  v1::Block* block_ = nullptr;
  std::array<google::protobuf::RepeatedField<std::int64_t>*, kColumns.size()> columns_{};
  std::uint64_t batch_start_ = 0, batch_end_ = 0;
  std::uint64_t window_start_ = 0, window_end_ = 0;  // of the flow before
  std::int64_t key_before_ = 0;
  std::uint32_t flows_since_record_ = 0;
  bool too_large_ = false;
};

void StreamEncoder::Impl::begin(const flow::Batch& batch) {
  block_ = nullptr;
  too_large_ = false;
  numbers_.begin_batch();
  if (numbers_.state_bytes() > kResetStateBytes) {
    numbers_.clear();
    last_ = {};
    content_.set_reset(true);
  }
  batch_start_ = batch.start_wall_ns;
  batch_end_ = batch.end_wall_ns;
  const std::uint64_t length = batch_end_ - batch_start_;
  content_.set_start_difference(difference(batch_start_, last_.end_wall_ns));
  content_.set_length_difference(difference(length, last_.length_ns));
  last_.end_wall_ns = batch_end_;
  last_.length_ns = length;
  for (const auto& gap : batch.gaps) {
    auto* to = content_.add_gaps();
    to->set_start_wall_ns(gap.start_wall_ns);
    to->set_end_wall_ns(gap.end_wall_ns);
    to->set_reason(std::string(StreamNumbers::cut(gap.reason)));
    to->set_windows(gap.windows);
    to->set_flows(gap.flows);
  }
}

void StreamEncoder::Impl::end_block() {
  if (block_ == nullptr) return;
  for (auto* column : columns_) {
    int size = column->size();
    while (size > 0 && column->Get(size - 1) == 0) --size;
    column->Truncate(size);
  }
  block_ = nullptr;
}

base::Result<void> StreamEncoder::Impl::add(const flow::Record& record) {
  for (const bool last_try : {false, true}) {
    if (block_ == nullptr) {
      block_ = content_.add_blocks();
      numbers_.begin_block(*block_);
      std::transform(kColumns.begin(), kColumns.end(), columns_.begin(),
                     [this](Column column) { return (block_->*column)(); });
      window_start_ = batch_start_;
      window_end_ = batch_end_;
      key_before_ = 0;
      flows_since_record_ = 0;
    }
    if (try_add(record)) break;
    if (last_try) return base::fail("a record refers to more names than a stream can hold");
    end_block();
  }
  if (too_large_) return base::fail("a record is too large to be sent");
  return {};
}

StreamEncoder::Impl::OrFull StreamEncoder::Impl::try_add(const flow::Record& record) {
  if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) return try_add_flow(*flow);
  if (const auto* ledger = std::get_if<flow::Ledger>(&record)) return try_add_ledger(*ledger);
  return try_add_record(record);
}

StreamEncoder::Impl::OrFull StreamEncoder::Impl::try_add_flow(const flow::FlowRecord& flow) {
  const auto key = numbers_.key(flow);
  if (!key) return tl::unexpected(Full{});
  put(0, std::int64_t{key->number} - key_before_ - 1);
  key_before_ = key->number;
  add_values(flow, *key->last);
  block_->set_flows(block_->flows() + 1);
  ++flows_since_record_;
  return {};
}

void StreamEncoder::Impl::add_values(const flow::FlowRecord& flow, LastValues& last) {
  std::uint8_t shape = flow.rtt_us ? v1::FLOW_SHAPE_RTT : 0;
  if (flow.first_seen_wall_ns != 0) shape |= v1::FLOW_SHAPE_FIRST_SEEN;
  if (flow.last_seen_wall_ns != 0) shape |= v1::FLOW_SHAPE_LAST_SEEN;
  std::size_t column = 1;
  put(column++, shape ^ last.shape);
  last.shape = shape;
  put(column++, difference(flow.window_start_wall_ns, window_start_));
  put(column++, difference(flow.window_end_wall_ns, window_end_));
  window_start_ = flow.window_start_wall_ns;
  window_end_ = flow.window_end_wall_ns;
  put(column++, flow.first_seen_wall_ns != 0 ? whole_ms(flow.first_seen_wall_ns, window_start_) : 0);
  put(column++, flow.last_seen_wall_ns != 0 ? whole_ms(window_end_, flow.last_seen_wall_ns) : 0);
  const auto counters = counters_of(flow);
  for (std::size_t i = 0; i < kCounters; ++i) {
    put(column++, difference(*counters[i], last.counters[i]));
    last.counters[i] = static_cast<std::uint32_t>(*counters[i]);
  }
  const flow::RttSummary rtt = flow.rtt_us.value_or(flow::RttSummary{});
  const std::array values{rtt.min_us, rtt.mean_us, rtt.max_us};
  for (std::size_t i = 0; i < kRtts; ++i) {
    put(column++, flow.rtt_us ? std::int64_t{values[i]} - last.rtt_us[i] : 0);
    if (flow.rtt_us) last.rtt_us[i] = values[i];
  }
  for (const std::uint64_t failed : flow.failed) put(column++, static_cast<std::int64_t>(failed));
}

v1::StreamRecord& StreamEncoder::Impl::next_record() {
  block_->add_flows_before(flows_since_record_);
  flows_since_record_ = 0;
  return *block_->add_records();
}

StreamEncoder::Impl::OrFull StreamEncoder::Impl::try_add_record(const flow::Record& record) {
  v1::Message message;
  bool full = false;
  fill_message(message, record, [&](const flow::OwnerPtr& owner) {
    const auto number = numbers_.owner(owner);
    full = full || !number;
    return number.value_or(0);
  });
  if (full) return tl::unexpected(Full{});
  auto& to = next_record();
  *to.mutable_record() = std::move(message);
  too_large_ = too_large_ || to.ByteSizeLong() > kMaxMessageBytes;
  return {};
}

StreamEncoder::Impl::OrFull StreamEncoder::Impl::try_add_ledger(const flow::Ledger& ledger) {
  v1::StreamLedger to;
  std::uint64_t dropped = 0;
  for (const auto& [reason, count] : ledger.dropped) {
    const auto name = numbers_.name(reason);
    if (!name) return tl::unexpected(Full{});
    auto* drop = to.add_dropped();
    drop->set_reason(*name);
    drop->set_count(count);
    dropped += count;
  }
  to.set_window_start(difference(ledger.window_start_wall_ns, batch_start_));
  to.set_window_end(difference(ledger.window_end_wall_ns, batch_end_));
  to.set_sequence(difference(ledger.sequence, last_.ledger_sequence));
  last_.ledger_sequence = ledger.sequence;
  to.set_produced(ledger.produced);
  to.set_folded(ledger.folded);
  to.set_missing(difference(ledger.produced, ledger.delivered + ledger.folded + dropped));
  *next_record().mutable_ledger() = std::move(to);
  return {};
}

base::Result<EncodedContent> StreamEncoder::Impl::encode(const flow::Batch& batch) {
  if (broken_) return base::fail("the stream failed before: start a new one");
  if (batch.records.size() > kMaxRecords || batch.gaps.size() > kMaxGaps || memory_cost(batch) > kMaxDecodedBytes) {
    return base::fail("the batch is too large to be sent");
  }
  broken_ = true;  // until it is whole: the receiver will not see what a part of it defined
  begin(batch);
  for (const auto& record : batch.records) {
    if (auto added = add(record); !added) return tl::unexpected(std::move(added.error()));
  }
  end_block();
  std::string bytes = content_.SerializeAsString();
  content_ = {};  // Clear() would keep the memory of the largest batch
  if (bytes.size() > kMaxContentBytes || numbers_.state_bytes() > kMaxStateBytes) {
    return base::fail("the batch is too large to be sent");
  }
  EncodedContent encoded;
  encoded.content_bytes = static_cast<std::uint32_t>(bytes.size());
  // The size stands in EncodedBatch already.
  ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kCompressionLevel);
  ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_contentSizeFlag, 0);
  std::string smaller(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(compressor_.get(), smaller.data(), smaller.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) == 0 && size < bytes.size()) {
    smaller.resize(size);
    bytes = std::move(smaller);
    encoded.compressed = true;
  }
  encoded.bytes = std::move(bytes);
  broken_ = false;
  return encoded;
}

StreamEncoder::StreamEncoder() : impl_(std::make_unique<Impl>()) {}
StreamEncoder::~StreamEncoder() = default;
StreamEncoder::StreamEncoder(StreamEncoder&&) noexcept = default;

base::Result<EncodedContent> StreamEncoder::encode(const flow::Batch& batch) { return impl_->encode(batch); }

}  // namespace iris::wire
