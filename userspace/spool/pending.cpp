// SPDX-License-Identifier: Apache-2.0
#include "spool/pending.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "flow/merge.h"
#include "wire/memory_cost.h"

namespace iris::spool {
namespace {

constexpr std::size_t kMaxBytes = 4U << 20;
constexpr std::size_t kMaxEntries = 32;
/// A gap for each window of a long fault would grow without end.
constexpr std::size_t kMaxGaps = 64;

}  // namespace

Pending::Entry Pending::entry_of(flow::Batch batch) {
  Entry entry;
  for (const auto& record : batch.records) {
    entry.bytes += wire::memory_cost(record);
    if (std::holds_alternative<flow::FlowRecord>(record)) ++entry.flows;
  }
  entry.batch = std::move(batch);
  return entry;
}

void Pending::push(flow::Batch batch) {
  for (auto& [key, value] : std::exchange(keep_, {})) batch.keep.try_emplace(key, std::move(value));
  entries_.push_back(entry_of(std::move(batch)));
  bytes_ += entries_.back().bytes;
}

std::uint64_t Pending::shrink() {
  if (entries_.size() <= kMaxEntries && bytes_ <= kMaxBytes) return 0;
  // All but the newest as one.
  std::vector<flow::Batch> batches;
  std::uint64_t windows = 0;
  std::uint64_t flows = 0;
  while (entries_.size() > 1) {
    windows += entries_.front().windows;
    flows += entries_.front().flows;
    batches.push_back(std::move(entries_.front().batch));
    pop_front();
  }
  if (batches.empty()) return 0;
  Entry merged = entry_of(flow::merge(std::move(batches)));
  merged.windows = windows;
  merged.flows = flows;
  bytes_ += merged.bytes;
  entries_.push_front(std::move(merged));
  if (bytes_ <= kMaxBytes) return 0;
  drop_front();
  return windows;
}

void Pending::pop_front() {
  bytes_ -= entries_.front().bytes;
  entries_.pop_front();
}

std::uint64_t Pending::windows() const {
  std::uint64_t sum = 0;
  for (const auto& entry : entries_) sum += entry.windows;
  return sum;
}

void Pending::drop_front() {
  Entry& lost = entries_.front();
  const auto known = std::find_if(gaps_.begin(), gaps_.end(), [](const auto& gap) { return gap.reason == "spool_full"; });
  if (known == gaps_.end()) {
    gaps_.push_back({lost.batch.start_wall_ns, lost.batch.end_wall_ns, "spool_full", lost.windows, lost.flows});
  } else {
    known->start_wall_ns = std::min(known->start_wall_ns, lost.batch.start_wall_ns);
    known->end_wall_ns = std::max(known->end_wall_ns, lost.batch.end_wall_ns);
    known->windows += lost.windows;
    known->flows += lost.flows;
  }
  for (auto& gap : lost.batch.gaps) {
    if (gaps_.size() < kMaxGaps) gaps_.push_back(std::move(gap));
  }
  // Still true: what is lost has been told of as a gap.
  auto& heir = entries_.size() > 1 ? entries_[1].batch.keep : keep_;
  for (auto& [key, value] : lost.batch.keep) heir.try_emplace(key, std::move(value));
  pop_front();
}

}  // namespace iris::spool
