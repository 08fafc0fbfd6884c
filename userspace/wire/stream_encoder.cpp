// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "wire/batch_codec.h"
#include "wire/flow_codec.h"
#include "wire/memory_cost.h"
#include "wire/record_format.h"
#include "wire/slot_table.h"
#include "wire/stream_state.h"

namespace iris::wire {
namespace {

using Column = google::protobuf::RepeatedField<std::int64_t>* (v1::Block::*)();

constexpr std::array<Column, 6 + kCounters + kRtts> kColumns{
    &v1::Block::mutable_key,              &v1::Block::mutable_shape,
    &v1::Block::mutable_window_start,     &v1::Block::mutable_window_end,
    &v1::Block::mutable_first_seen,       &v1::Block::mutable_last_seen,
    &v1::Block::mutable_opened,           &v1::Block::mutable_established,
    &v1::Block::mutable_closed,           &v1::Block::mutable_active,
    &v1::Block::mutable_refused,          &v1::Block::mutable_timed_out,
    &v1::Block::mutable_unreachable,      &v1::Block::mutable_broken,
    &v1::Block::mutable_denied,           &v1::Block::mutable_failed_otherwise,
    &v1::Block::mutable_originator_bytes, &v1::Block::mutable_responder_bytes,
    &v1::Block::mutable_originator_packets, &v1::Block::mutable_responder_packets,
    &v1::Block::mutable_retransmits,      &v1::Block::mutable_rtt_min_us,
    &v1::Block::mutable_rtt_mean_us,      &v1::Block::mutable_rtt_max_us};

constexpr int kCompressionLevel = 3;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

void mix(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  hash ^= hash >> 29;
}

void mix(std::uint64_t& hash, std::string_view text) { mix(hash, std::hash<std::string_view>{}(text)); }

std::uint64_t hash_of(const flow::Owner& owner) {
  std::uint64_t hash = owner.cgroup_id;
  for (const auto* text : {&owner.container_id, &owner.name, &owner.image, &owner.module_id}) mix(hash, *text);
  mix(hash, owner.labels.size());
  return hash;
}

bool same(const flow::Owner& a, const flow::Owner& b) {
  return a.kind == b.kind && a.cgroup_id == b.cgroup_id && a.container_id == b.container_id && a.name == b.name &&
         a.image == b.image && a.runtime == b.runtime && a.module_id == b.module_id && a.device_id == b.device_id &&
         a.cgroup_path == b.cgroup_path && a.labels == b.labels;
}

std::uint64_t hash_of(const std::optional<base::IpAddress>& address) {
  return address ? base::IpAddressHash{}(*address) : 0;
}

/// Rounded down.
std::int64_t whole_ms(std::uint64_t later_ns, std::uint64_t earlier_ns) {
  const std::int64_t ns = difference(later_ns, earlier_ns);
  return ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0);
}

void set_address(std::string* field, const base::IpAddress& address) {
  const auto* first = reinterpret_cast<const char*>(address.bytes.data());
  address.is_v4() ? field->assign(first + 12, 4) : field->assign(first, 16);
}

std::string_view cut(const std::string& text) { return std::string_view(text).substr(0, kMaxNameBytes); }

struct OwnerEntry {
  flow::OwnerPtr owner;
  std::uint64_t version = 0;  // of all definitions of owners, so that a key sees that its owner changed
  std::size_t cost = 0;
};

struct NameEntry {
  std::string text;
  std::size_t cost = 0;
};

struct KeyEntry {
  std::uint64_t owner = 0;  // versions; 0: none
  std::uint64_t peer_owner = 0;
  std::optional<base::IpAddress> local_address;
  std::optional<base::IpAddress> peer_address;
  std::string peer_device;
  std::vector<std::string> peer_names;
  std::vector<std::string> processes;
  std::uint16_t service_port = 0;
  std::uint8_t protocol = 0;
  flow::Role role{};
  flow::Scope scope{};
  flow::Attribution attribution{};
  bool pre_existing = false;
  bool folded = false;
  LastValues last;
  std::size_t cost = 0;

  bool describes(const flow::FlowRecord& flow) const {
    return peer_address == flow.peer_address && service_port == flow.service_port && role == flow.role &&
           protocol == flow.protocol && scope == flow.scope && folded == flow.folded &&
           local_address == flow.local_address && attribution == flow.attribution &&
           pre_existing == flow.pre_existing && peer_device == flow.peer_device && processes == flow.processes &&
           peer_names == flow.peer_names;
  }
};

}  // namespace

class StreamEncoder::Impl {
 public:
  base::Result<EncodedContent> encode(const flow::Batch& batch);

 private:
  /// A slot that is needed is taken in this block: the block must end first.
  struct Full {};
  template <typename T>
  using OrFull = tl::expected<T, Full>;

  void begin(const flow::Batch& batch);
  base::Result<void> add(const flow::Record& record);
  OrFull<void> try_add(const flow::Record& record);
  OrFull<void> try_add_flow(const flow::FlowRecord& flow);
  OrFull<void> try_add_record(const flow::Record& record);
  OrFull<void> try_add_ledger(const flow::Ledger& ledger);
  void end_block();

  /// Slot of the owner, defined if need be.
  OrFull<std::uint32_t> owner_slot(const flow::OwnerPtr& owner);
  OrFull<std::uint32_t> name_number(const std::string& text);
  OrFull<std::uint32_t> owner_number(const flow::OwnerPtr& owner);
  OrFull<std::uint64_t> owner_version(const flow::OwnerPtr& owner);
  OrFull<std::uint32_t> key_slot(const flow::FlowRecord& flow);
  OrFull<void> define_key(KeyEntry& entry, std::uint32_t number, bool update, const flow::FlowRecord& flow);
  void add_values(const flow::FlowRecord& flow, LastValues& last);
  void put(std::size_t column, std::int64_t value) { columns_[column]->Add(value); }
  v1::StreamRecord& next_record();

  SlotTable<OwnerEntry> owners_{kMaxOwnerNumber};
  SlotTable<NameEntry> names_{kMaxNames};
  SlotTable<KeyEntry> keys_{kMaxKeys};
  std::unordered_map<const flow::Owner*, std::uint32_t> owner_slots_;  // of this batch
  std::uint64_t versions_ = 0;
  std::size_t state_bytes_ = 0;
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
  owner_slots_.clear();
  owners_.next_batch();
  names_.next_batch();
  keys_.next_batch();
  if (state_bytes_ > kResetStateBytes) {
    owners_.clear();
    names_.clear();
    keys_.clear();
    state_bytes_ = 0;
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
    to->set_reason(std::string(cut(gap.reason)));
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
  owners_.next_block();
  names_.next_block();
  keys_.next_block();
  block_ = nullptr;
}

base::Result<void> StreamEncoder::Impl::add(const flow::Record& record) {
  for (const bool last_try : {false, true}) {
    if (block_ == nullptr) {
      block_ = content_.add_blocks();
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

StreamEncoder::Impl::OrFull<void> StreamEncoder::Impl::try_add(const flow::Record& record) {
  if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) return try_add_flow(*flow);
  if (const auto* ledger = std::get_if<flow::Ledger>(&record)) return try_add_ledger(*ledger);
  return try_add_record(record);
}

StreamEncoder::Impl::OrFull<std::uint32_t> StreamEncoder::Impl::owner_slot(const flow::OwnerPtr& owner) {
  if (const auto known = owner_slots_.find(owner.get());
      known != owner_slots_.end() && owners_[known->second].owner == owner) {
    owners_.use(known->second);
    return known->second;
  }
  const std::uint64_t hash = hash_of(*owner);
  if (const auto found = owners_.find(hash); found && same(*owners_[*found].owner, *owner)) {
    owners_.use(*found);
    owners_[*found].owner = owner;  // the pointer of this batch
    owner_slots_[owner.get()] = *found;
    return *found;
  }
  const auto slot = owners_.take(hash, [this](OwnerEntry& old) { state_bytes_ -= old.cost; });
  if (!slot) return tl::unexpected(Full{});
  auto* message = block_->add_owners();
  fill_owner(*message, *owner, *slot + 1);
  too_large_ = too_large_ || message->ByteSizeLong() > kMaxOwnerBytes;
  owners_[*slot] = {owner, ++versions_, state_cost(*message)};
  state_bytes_ += owners_[*slot].cost;
  owner_slots_[owner.get()] = *slot;
  return *slot;
}

StreamEncoder::Impl::OrFull<std::uint32_t> StreamEncoder::Impl::owner_number(const flow::OwnerPtr& owner) {
  if (!owner) return 0;
  return owner_slot(owner).map([](std::uint32_t slot) { return slot + 1; });
}

StreamEncoder::Impl::OrFull<std::uint64_t> StreamEncoder::Impl::owner_version(const flow::OwnerPtr& owner) {
  if (!owner) return 0;
  return owner_slot(owner).map([this](std::uint32_t slot) { return owners_[slot].version; });
}

StreamEncoder::Impl::OrFull<std::uint32_t> StreamEncoder::Impl::name_number(const std::string& text) {
  const std::string_view name = cut(text);
  const std::uint64_t hash = std::hash<std::string_view>{}(name);
  if (const auto found = names_.find(hash); found && names_[*found].text == name) {
    names_.use(*found);
    return *found + 1;
  }
  const auto slot = names_.take(hash, [this](NameEntry& old) { state_bytes_ -= old.cost; });
  if (!slot) return tl::unexpected(Full{});
  auto* message = block_->add_names();
  message->set_number(*slot + 1);
  message->set_text(std::string(name));
  names_[*slot] = {std::string(name), state_cost(*message)};
  state_bytes_ += names_[*slot].cost;
  return *slot + 1;
}

StreamEncoder::Impl::OrFull<std::uint32_t> StreamEncoder::Impl::key_slot(const flow::FlowRecord& flow) {
  const auto owner = owner_version(flow.owner);
  if (!owner) return tl::unexpected(Full{});
  const auto peer_owner = owner_version(flow.peer_owner);
  if (!peer_owner) return tl::unexpected(Full{});
  // What two flows of one batch do not share; the rest of a key may change.
  std::uint64_t hash = flow.owner ? flow.owner->cgroup_id : 0;
  if (flow.owner) mix(hash, flow.owner->container_id.empty() ? flow.owner->name : flow.owner->container_id);
  mix(hash, hash_of(flow.peer_address));
  mix(hash, std::uint64_t{flow.service_port} << 16 | std::uint64_t{flow.protocol} << 8 |
                static_cast<std::uint64_t>(flow.scope) << 4 | static_cast<std::uint64_t>(flow.role) << 1 |
                static_cast<std::uint64_t>(flow.folded));
  const auto found = keys_.find(hash);
  if (found && keys_[*found].owner == *owner && keys_[*found].peer_owner == *peer_owner &&
      keys_[*found].describes(flow)) {
    keys_.use(*found);
    return *found;
  }
  if (found && keys_.used_in_block(*found)) return tl::unexpected(Full{});
  KeyEntry entry;
  entry.owner = *owner;
  entry.peer_owner = *peer_owner;
  if (found) entry.last = keys_[*found].last;
  if (auto defined = define_key(entry, 0, found.has_value(), flow); !defined) return tl::unexpected(Full{});
  std::uint32_t slot = 0;
  if (found) {
    slot = *found;
    state_bytes_ -= keys_[slot].cost;
    keys_.use(slot);
  } else {
    const auto taken = keys_.take(hash, [this](KeyEntry& old) { state_bytes_ -= old.cost; });
    if (!taken) {
      block_->mutable_keys()->RemoveLast();
      return tl::unexpected(Full{});
    }
    slot = *taken;
  }
  block_->mutable_keys(block_->keys_size() - 1)->set_number(slot + 1);
  state_bytes_ += entry.cost;
  keys_[slot] = std::move(entry);
  return slot;
}

StreamEncoder::Impl::OrFull<void> StreamEncoder::Impl::define_key(KeyEntry& entry, std::uint32_t number, bool update,
                                                                 const flow::FlowRecord& flow) {
  v1::FlowKey key;
  key.set_number(number);
  key.set_update(update);
  const auto owner = owner_number(flow.owner);
  const auto peer_owner = owner_number(flow.peer_owner);
  if (!owner || !peer_owner) return tl::unexpected(Full{});
  key.set_owner(*owner);
  key.set_peer_owner(*peer_owner);
  key.set_role(static_cast<v1::Role>(flow.role));
  key.set_protocol(flow.protocol);
  key.set_service_port(flow.service_port);
  if (flow.local_address) set_address(key.mutable_local_address(), *flow.local_address);
  if (flow.peer_address) set_address(key.mutable_peer_address(), *flow.peer_address);
  key.set_scope(static_cast<v1::Scope>(flow.scope));
  key.set_attribution(static_cast<v1::Attribution>(flow.attribution));
  key.set_pre_existing(flow.pre_existing);
  key.set_folded(flow.folded);
  if (!flow.peer_device.empty()) {
    const auto device = name_number(flow.peer_device);
    if (!device) return tl::unexpected(Full{});
    key.set_peer_device(*device);
  }
  for (const auto& [texts, numbers] : {std::pair(&flow.peer_names, key.mutable_peer_names()),
                                       std::pair(&flow.processes, key.mutable_processes())}) {
    for (std::size_t i = 0; i < std::min(texts->size(), kMaxNamesPerKey); ++i) {
      const auto name = name_number((*texts)[i]);
      if (!name) return tl::unexpected(Full{});
      numbers->Add(*name);
    }
  }
  entry.local_address = flow.local_address;
  entry.peer_address = flow.peer_address;
  entry.peer_device = flow.peer_device;
  entry.peer_names = flow.peer_names;
  entry.processes = flow.processes;
  entry.service_port = flow.service_port;
  entry.protocol = flow.protocol;
  entry.role = flow.role;
  entry.scope = flow.scope;
  entry.attribution = flow.attribution;
  entry.pre_existing = flow.pre_existing;
  entry.folded = flow.folded;
  entry.cost = state_cost(key);
  *block_->add_keys() = std::move(key);
  return {};
}

StreamEncoder::Impl::OrFull<void> StreamEncoder::Impl::try_add_flow(const flow::FlowRecord& flow) {
  const auto slot = key_slot(flow);
  if (!slot) return tl::unexpected(Full{});
  const std::int64_t number = *slot + 1;
  put(0, number - key_before_ - 1);
  key_before_ = number;
  add_values(flow, keys_[*slot].last);
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
}

v1::StreamRecord& StreamEncoder::Impl::next_record() {
  block_->add_flows_before(flows_since_record_);
  flows_since_record_ = 0;
  return *block_->add_records();
}

StreamEncoder::Impl::OrFull<void> StreamEncoder::Impl::try_add_record(const flow::Record& record) {
  v1::Message message;
  bool full = false;
  fill_message(message, record, [&](const flow::OwnerPtr& owner) {
    const auto number = owner_number(owner);
    full = full || !number;
    return number.value_or(0);
  });
  if (full) return tl::unexpected(Full{});
  auto& to = next_record();
  *to.mutable_record() = std::move(message);
  too_large_ = too_large_ || to.ByteSizeLong() > kMaxMessageBytes;
  return {};
}

StreamEncoder::Impl::OrFull<void> StreamEncoder::Impl::try_add_ledger(const flow::Ledger& ledger) {
  v1::StreamLedger to;
  std::uint64_t dropped = 0;
  for (const auto& [reason, count] : ledger.dropped) {
    const auto name = name_number(reason);
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
  if (bytes.size() > kMaxContentBytes || state_bytes_ > kMaxStateBytes) {
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
