// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/wire_format_lite.h>
#include <zstd.h>

#include <algorithm>
#include <limits>

#include "wire/batch_codec.h"
#include "wire/content_reader.h"
#include "wire/memory_cost.h"
#include "wire/record_format.h"
#include "wire/stream_tables.h"

namespace iris::wire {
namespace {

using Void = base::Result<void>;

// The columns of a block, from Block.key on.
enum : std::size_t { kKey, kShape, kWindowStart, kWindowEnd, kFirstSeen, kLastSeen, kFirstCounter };
constexpr std::size_t kFirstRtt = kFirstCounter + kCounters;
constexpr std::size_t kFirstFailure = kFirstRtt + kRtts;
constexpr std::size_t kColumns = kFirstFailure + flow::kFailureReasons;
constexpr int kFirstColumnField = v1::Block::kKeyFieldNumber;
static_assert(kFirstColumnField + static_cast<int>(kColumns) - 1 == v1::Block::kFailedOtherwiseFieldNumber);

constexpr std::int64_t kMaxMs = std::numeric_limits<std::int64_t>::max() / kNsPerMs;

std::int64_t zigzag(std::uint64_t value) {
  return google::protobuf::internal::WireFormatLite::ZigZagDecode64(value);
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// One a thread, not one a stream: it takes 100 KiB, and streams go into thousands.
ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

/// What a block says before its flows and records are put in order.
struct BlockParts {
  std::size_t flows = 0;
  std::array<std::vector<std::uint64_t>, kColumns> columns;
  std::vector<std::uint64_t> flows_before;
  std::vector<std::optional<flow::Record>> records;  // none: skipped

  std::int64_t value(std::size_t column, std::size_t flow) const {
    const auto& values = columns[column];
    return flow < values.size() ? zigzag(values[flow]) : 0;
  }
};

Void malformed(const char* what) { return base::fail(fmt::format("{} cannot be decoded", what)); }

template <typename Message>
Void parse(const FieldReader::Field& field, Message& message, const char* what) {
  if (field.payload.size() > kMaxMessageBytes) return base::fail(fmt::format("{} is too large", what));
  if (!field.delimited || !message.ParseFromArray(field.payload.data(), static_cast<int>(field.payload.size()))) {
    return malformed(what);
  }
  return {};
}

}  // namespace

class StreamDecoder::Impl {
 public:
  base::Result<flow::Batch> decode(std::string_view content, std::uint32_t content_bytes, bool compressed);
  std::uint64_t skipped = 0;

 private:
  base::Result<flow::Batch> decompress(std::string_view content, std::uint32_t content_bytes);
  base::Result<flow::Batch> read(std::string_view bytes);
  Void read_field(const FieldReader::Field& field);
  Void read_gap(const FieldReader::Field& field);
  Void read_block(std::string_view bytes);
  Void read_block_field(const FieldReader::Field& field, BlockParts& parts);
  template <typename Definition>
  Void define(const FieldReader::Field& field, const char* what);
  Void read_record(const FieldReader::Field& field, BlockParts& parts);
  base::Result<flow::Ledger> ledger_of(const v1::StreamLedger& from);
  Void put_in_order(BlockParts& parts);
  Void add_flow(const BlockParts& parts, std::size_t index);
  Void add_values(const BlockParts& parts, std::size_t index, flow::FlowRecord& to, LastValues& last);
  Void spend(std::size_t bytes);

  StreamTables tables_;
  LastBatch last_;
  bool refused_ = false;

  // Of the batch and of the block at hand.
  flow::Batch batch_;
  std::size_t decoded_bytes_ = 0;
  std::size_t records_ = 0;  // flows and others, also skipped ones
  std::uint64_t key_before_ = 0;
  std::uint64_t window_start_ = 0, window_end_ = 0;
};

base::Result<flow::Batch> StreamDecoder::Impl::decode(std::string_view content, std::uint32_t content_bytes,
                                                      bool compressed) {
  if (refused_) return base::fail("the stream was refused before");
  refused_ = true;
  base::Result<flow::Batch> batch;
  if (content_bytes > kMaxContentBytes) {
    batch = base::fail(fmt::format("content of {} bytes, more than {}", content_bytes, kMaxContentBytes));
  } else if (compressed) {
    batch = decompress(content, content_bytes);
  } else if (content.size() != content_bytes) {
    batch = base::fail(fmt::format("content of {} bytes says that it has {}", content.size(), content_bytes));
  } else {
    batch = read(content);
  }
  batch_ = {};
  if (!batch) return base::with_context("a batch is refused", std::move(batch.error()));
  refused_ = false;
  return batch;
}

base::Result<flow::Batch> StreamDecoder::Impl::decompress(std::string_view content, std::uint32_t content_bytes) {
  if (ZSTD_findFrameCompressedSize(content.data(), content.size()) != content.size()) {
    return base::fail("content is not one zstd frame");
  }
  // Not touched before it is written, so that a lie about the size costs nothing.
  const auto bytes = std::make_unique_for_overwrite<char[]>(content_bytes);
  const std::size_t size =
      ZSTD_decompressDCtx(decompressor(), bytes.get(), content_bytes, content.data(), content.size());
  if (ZSTD_isError(size) != 0) return base::fail(fmt::format("cannot decompress content: {}", ZSTD_getErrorName(size)));
  if (size != content_bytes) return base::fail(fmt::format("content of {} bytes says that it has {}", size, content_bytes));
  return read({bytes.get(), size});
}

base::Result<flow::Batch> StreamDecoder::Impl::read(std::string_view bytes) {
  batch_ = {last_.end_wall_ns, last_.end_wall_ns + last_.length_ns, {}, {}};
  decoded_bytes_ = 0;
  records_ = 0;
  FieldReader fields(bytes);
  for (FieldReader::Field field; fields.next(field);) {
    if (auto taken = read_field(field); !taken) return tl::unexpected(std::move(taken.error()));
  }
  if (fields.malformed()) return tl::unexpected(malformed("content").error());
  last_.end_wall_ns = batch_.end_wall_ns;
  last_.length_ns = batch_.end_wall_ns - batch_.start_wall_ns;
  return std::move(batch_);
}

Void StreamDecoder::Impl::read_field(const FieldReader::Field& field) {
  switch (field.number) {
    case v1::StreamContent::kResetFieldNumber:
      if (field.value == 0) return {};
      tables_.clear();
      last_ = {};
      batch_.start_wall_ns = batch_.end_wall_ns = 0;
      return {};
    case v1::StreamContent::kStartDifferenceFieldNumber:
      batch_.start_wall_ns = sum(last_.end_wall_ns, zigzag(field.value));
      batch_.end_wall_ns = batch_.start_wall_ns + last_.length_ns;
      return {};
    case v1::StreamContent::kLengthDifferenceFieldNumber:
      batch_.end_wall_ns = batch_.start_wall_ns + sum(last_.length_ns, zigzag(field.value));
      return {};
    case v1::StreamContent::kGapsFieldNumber: return read_gap(field);
    case v1::StreamContent::kBlocksFieldNumber:
      return field.delimited ? read_block(field.payload) : malformed("block");
    default: return {};
  }
}

Void StreamDecoder::Impl::spend(std::size_t bytes) {
  decoded_bytes_ += bytes;
  if (decoded_bytes_ > kMaxDecodedBytes) return base::fail("it asks for too much memory");
  return {};
}

Void StreamDecoder::Impl::read_gap(const FieldReader::Field& field) {
  v1::Gap gap;
  if (auto parsed = parse(field, gap, "gap"); !parsed) return parsed;
  if (batch_.gaps.size() == kMaxGaps) return base::fail("too many gaps");
  batch_.gaps.push_back({gap.start_wall_ns(), gap.end_wall_ns(), gap.reason(), gap.windows(), gap.flows()});
  return spend(sizeof(flow::Gap) + gap.reason().size());
}

Void StreamDecoder::Impl::read_block(std::string_view bytes) {
  BlockParts parts;
  FieldReader fields(bytes);
  for (FieldReader::Field field; fields.next(field);) {
    if (auto taken = read_block_field(field, parts); !taken) return taken;
  }
  if (fields.malformed()) return malformed("block");
  return put_in_order(parts);
}

template <typename Definition>
Void StreamDecoder::Impl::define(const FieldReader::Field& field, const char* what) {
  Definition definition;
  if (auto parsed = parse(field, definition, what); !parsed) return parsed;
  return tables_.define(definition);
}

Void StreamDecoder::Impl::read_block_field(const FieldReader::Field& field, BlockParts& parts) {
  if (field.number >= kFirstColumnField && field.number < kFirstColumnField + static_cast<int>(kColumns)) {
    auto& column = parts.columns[static_cast<std::size_t>(field.number - kFirstColumnField)];
    if (!field.delimited || !read_packed(field.payload, parts.flows, column)) return malformed("column of flows");
    return {};
  }
  switch (field.number) {
    case v1::Block::kOwnersFieldNumber: return define<v1::Owner>(field, "owner");
    case v1::Block::kNamesFieldNumber: return define<v1::Name>(field, "name");
    case v1::Block::kKeysFieldNumber: return define<v1::FlowKey>(field, "flow key");
    case v1::Block::kFlowsFieldNumber:
      if (field.delimited || parts.flows != 0 || field.value > kMaxRecords - records_) {
        return base::fail("number of flows out of range");
      }
      parts.flows = field.value;
      records_ += parts.flows;
      return {};
    case v1::Block::kFlowsBeforeFieldNumber:
      if (!field.delimited || !read_packed(field.payload, kMaxRecords, parts.flows_before)) {
        return malformed("order of records");
      }
      return {};
    case v1::Block::kRecordsFieldNumber: return read_record(field, parts);
    default: return {};
  }
}

Void StreamDecoder::Impl::read_record(const FieldReader::Field& field, BlockParts& parts) {
  if (records_ == kMaxRecords) return base::fail("too many records");
  ++records_;
  v1::StreamRecord message;
  if (auto parsed = parse(field, message, "record"); !parsed) return parsed;
  base::Result<flow::Record> record;
  if (message.has_ledger()) {
    auto ledger = ledger_of(message.ledger());
    if (!ledger) return tl::unexpected(std::move(ledger.error()));
    record = std::move(*ledger);
  } else if (message.record().kind_case() == v1::Message::KIND_NOT_SET) {
    ++skipped;
    parts.records.emplace_back();
    return {};
  } else {
    record = tables_.records().decode(message.record());
    if (!record) return tl::unexpected(std::move(record.error()));
  }
  const std::size_t cost = memory_cost(*record);
  parts.records.emplace_back(std::move(*record));
  return spend(cost);
}

base::Result<flow::Ledger> StreamDecoder::Impl::ledger_of(const v1::StreamLedger& from) {
  flow::Ledger to;
  to.window_start_wall_ns = sum(batch_.start_wall_ns, from.window_start());
  to.window_end_wall_ns = sum(batch_.end_wall_ns, from.window_end());
  to.sequence = last_.ledger_sequence = sum(last_.ledger_sequence, from.sequence());
  to.produced = from.produced();
  to.folded = from.folded();
  to.delivered = from.produced() - from.folded() - static_cast<std::uint64_t>(from.missing());
  for (const auto& drop : from.dropped()) {
    const auto reason = tables_.name(drop.reason());
    if (!reason) return base::fail("name number of a ledger has no meaning");
    to.dropped[std::string(reason.view())] += drop.count();
    to.delivered -= drop.count();
  }
  return to;
}

Void StreamDecoder::Impl::put_in_order(BlockParts& parts) {
  if (parts.flows_before.size() > parts.records.size()) return base::fail("order of records out of range");
  parts.flows_before.resize(parts.records.size());
  key_before_ = 0;
  window_start_ = batch_.start_wall_ns;
  window_end_ = batch_.end_wall_ns;
  std::size_t flow = 0;
  if (batch_.records.empty()) batch_.records.reserve(parts.flows + parts.records.size());
  for (std::size_t i = 0; i < parts.records.size(); ++i) {
    if (parts.flows_before[i] > parts.flows - flow) return base::fail("order of records out of range");
    for (const std::size_t end = flow + parts.flows_before[i]; flow < end; ++flow) {
      if (auto added = add_flow(parts, flow); !added) return added;
    }
    if (parts.records[i]) batch_.records.push_back(std::move(*parts.records[i]));
  }
  for (; flow < parts.flows; ++flow) {
    if (auto added = add_flow(parts, flow); !added) return added;
  }
  return {};
}

Void StreamDecoder::Impl::add_flow(const BlockParts& parts, std::size_t index) {
  key_before_ = sum(key_before_ + 1, parts.value(kKey, index));
  StreamTables::Key* key = tables_.key(key_before_);
  if (key == nullptr) return base::fail("number of a flow key has no meaning");
  auto& record = batch_.records.emplace_back(key->record());
  if (auto added = add_values(parts, index, std::get<flow::FlowRecord>(record), key->last); !added) return added;
  return spend(memory_cost(record));
}

Void StreamDecoder::Impl::add_values(const BlockParts& parts, std::size_t index, flow::FlowRecord& to,
                                     LastValues& last) {
  const std::int64_t change = parts.value(kShape, index);
  if ((change & ~std::int64_t{kShapeMask}) != 0) return base::fail("shape of a flow out of range");
  last.shape = static_cast<std::uint8_t>(last.shape ^ change);
  to.window_start_wall_ns = window_start_ = sum(window_start_, parts.value(kWindowStart, index));
  to.window_end_wall_ns = window_end_ = sum(window_end_, parts.value(kWindowEnd, index));
  const std::int64_t first_ms = parts.value(kFirstSeen, index);
  const std::int64_t last_ms = parts.value(kLastSeen, index);
  if (std::max(first_ms, last_ms) > kMaxMs || std::min(first_ms, last_ms) < -kMaxMs - 1) {
    return base::fail("time of a flow out of range");
  }
  constexpr auto to_ns = [](std::int64_t ms) { return static_cast<std::uint64_t>(ms) * std::uint64_t{kNsPerMs}; };
  if ((last.shape & v1::FLOW_SHAPE_FIRST_SEEN) != 0) to.first_seen_wall_ns = window_start_ + to_ns(first_ms);
  if ((last.shape & v1::FLOW_SHAPE_LAST_SEEN) != 0) to.last_seen_wall_ns = window_end_ - to_ns(last_ms);
  const auto counters = counters_of(to);
  for (std::size_t i = 0; i < kCounters; ++i) {
    *counters[i] = sum(last.counters[i], parts.value(kFirstCounter + i, index));
    last.counters[i] = static_cast<std::uint32_t>(*counters[i]);
  }
  for (std::size_t i = 0; i < flow::kFailureReasons; ++i) {
    to.failed[i] = static_cast<std::uint64_t>(parts.value(kFirstFailure + i, index));
  }
  if ((last.shape & v1::FLOW_SHAPE_RTT) == 0) return {};
  for (std::size_t i = 0; i < kRtts; ++i) {
    const std::uint64_t value = sum(last.rtt_us[i], parts.value(kFirstRtt + i, index));
    if (value > std::numeric_limits<std::uint32_t>::max()) return base::fail("round-trip time of a flow out of range");
    last.rtt_us[i] = static_cast<std::uint32_t>(value);
  }
  to.rtt_us = flow::RttSummary{last.rtt_us[0], last.rtt_us[1], last.rtt_us[2]};
  return {};
}

StreamDecoder::StreamDecoder() : impl_(std::make_unique<Impl>()) {}
StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;

base::Result<flow::Batch> StreamDecoder::decode(std::string_view content, std::uint32_t content_bytes,
                                                bool compressed) {
  return impl_->decode(content, content_bytes, compressed);
}

std::uint64_t StreamDecoder::skipped_records() const { return impl_->skipped; }

}  // namespace iris::wire
