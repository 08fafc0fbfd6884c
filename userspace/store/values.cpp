// SPDX-License-Identifier: Apache-2.0
#include "store/values.h"

#include <algorithm>

#include "store/packed.h"

namespace iris::store {
namespace {

void add_up(std::uint64_t& to, std::uint64_t more) {
  if (__builtin_add_overflow(to, more, &to)) to = UINT64_MAX;
}

std::uint64_t earlier(std::uint64_t a, std::uint64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

constexpr std::uint64_t kMaxWeight = 1U << 30;  // keeps the mean's products within 64 bits

}  // namespace

FlowValues FlowValues::of(const flow::FlowRecord& flow) {
  FlowValues values;
  values.window_end_ns = flow.window_end_wall_ns;
  values.counts = {flow.opened,          flow.established,        flow.closed,            flow.originator_bytes,
                   flow.responder_bytes, flow.originator_packets, flow.responder_packets, flow.retransmits};
  std::copy(flow.failed.begin(), flow.failed.end(), values.counts.begin() + first_failed);
  values.active = flow.active;
  if (flow.rtt_us) {
    values.rtt_windows = 1;
    values.rtt = *flow.rtt_us;
  }
  values.first_seen_ns = flow.first_seen_wall_ns;
  values.last_seen_ns = flow.last_seen_wall_ns;
  return values;
}

void FlowValues::put_into(flow::FlowRecord& flow) const {
  flow.window_end_wall_ns = window_end_ns;
  flow.opened = counts[opened];
  flow.established = counts[established];
  flow.closed = counts[closed];
  flow.originator_bytes = counts[originator_bytes];
  flow.responder_bytes = counts[responder_bytes];
  flow.originator_packets = counts[originator_packets];
  flow.responder_packets = counts[responder_packets];
  flow.retransmits = counts[retransmits];
  std::copy(counts.begin() + first_failed, counts.end(), flow.failed.begin());
  flow.active = active;
  if (rtt_windows > 0) flow.rtt_us = rtt;
  else flow.rtt_us.reset();
  flow.first_seen_wall_ns = first_seen_ns;
  flow.last_seen_wall_ns = last_seen_ns;
}

void FlowValues::add(const FlowValues& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) add_up(counts[i], other.counts[i]);
  if (other.window_end_ns >= window_end_ns) active = other.active;
  window_end_ns = std::max(window_end_ns, other.window_end_ns);
  first_seen_ns = earlier(first_seen_ns, other.first_seen_ns);
  last_seen_ns = std::max(last_seen_ns, other.last_seen_ns);
  if (other.rtt_windows == 0) return;
  if (rtt_windows == 0) {
    rtt = other.rtt;
  } else {
    rtt.min_us = std::min(rtt.min_us, other.rtt.min_us);
    rtt.max_us = std::max(rtt.max_us, other.rtt.max_us);
    rtt.mean_us = static_cast<std::uint32_t>((rtt.mean_us * rtt_windows + other.rtt.mean_us * other.rtt_windows) /
                                             (rtt_windows + other.rtt_windows));
  }
  rtt_windows = std::min(rtt_windows + other.rtt_windows, kMaxWeight);
}

void FlowValues::pack(std::string& out, std::uint64_t window_start_ns) const {
  append_time(out, window_end_ns, window_start_ns);
  append_time(out, first_seen_ns, window_start_ns);
  append_time(out, last_seen_ns, window_start_ns);
  append_number(out, active);
  append_number(out, rtt_windows);
  if (rtt_windows > 0) {
    append_number(out, rtt.min_us);
    append_number(out, rtt.mean_us);
    append_number(out, rtt.max_us);
  }
  // Trailing zeros (failures, mostly) are left out.
  std::size_t used = counts.size();
  while (used > 0 && counts[used - 1] == 0) --used;
  for (std::size_t i = 0; i < used; ++i) append_number(out, counts[i]);
}

bool FlowValues::unpack(std::string_view packed, std::uint64_t window_start_ns) {
  *this = {};
  PackedReader reader(packed);
  window_end_ns = reader.time(window_start_ns);
  first_seen_ns = reader.time(window_start_ns);
  last_seen_ns = reader.time(window_start_ns);
  active = reader.number();
  rtt_windows = std::min(reader.number(), kMaxWeight);
  if (rtt_windows > 0) {
    rtt.min_us = static_cast<std::uint32_t>(reader.number());
    rtt.mean_us = static_cast<std::uint32_t>(reader.number());
    rtt.max_us = static_cast<std::uint32_t>(reader.number());
  }
  for (auto& count : counts) {
    if (reader.at_end()) break;
    count = reader.number();
  }
  return reader.ok() && reader.at_end();
}

LedgerValues LedgerValues::of(const flow::Ledger& ledger) {
  LedgerValues values;
  values.window_end_ns = ledger.window_end_wall_ns;
  values.produced = ledger.produced;
  values.delivered = ledger.delivered;
  values.folded = ledger.folded;
  for (const auto& [reason, count] : ledger.dropped) values.add_dropped(reason, count);
  return values;
}

void LedgerValues::add_dropped(std::string_view reason, std::uint64_t count) {
  auto found = dropped.find(reason);
  if (found == dropped.end()) {
    found = dropped.try_emplace(dropped.size() + 1 < kMaxReasons ? std::string(reason) : "other", 0).first;
  }
  add_up(found->second, count);
}

void LedgerValues::add(const LedgerValues& other) {
  window_end_ns = std::max(window_end_ns, other.window_end_ns);
  add_up(produced, other.produced);
  add_up(delivered, other.delivered);
  add_up(folded, other.folded);
  for (const auto& [reason, count] : other.dropped) add_dropped(reason, count);
}

void LedgerValues::pack(std::string& out, std::uint64_t window_start_ns) const {
  append_time(out, window_end_ns, window_start_ns);
  append_number(out, produced);
  append_number(out, delivered);
  append_number(out, folded);
  for (const auto& [reason, count] : dropped) {
    append_text(out, reason);
    append_number(out, count);
  }
}

bool LedgerValues::unpack(std::string_view packed, std::uint64_t window_start_ns) {
  *this = {};
  PackedReader reader(packed);
  window_end_ns = reader.time(window_start_ns);
  produced = reader.number();
  delivered = reader.number();
  folded = reader.number();
  while (reader.ok() && !reader.at_end()) {
    const auto reason = reader.text();
    add_dropped(reason, reader.number());
  }
  return reader.ok();
}

}  // namespace iris::store
