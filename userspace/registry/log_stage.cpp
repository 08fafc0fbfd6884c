// SPDX-License-Identifier: Apache-2.0
#include "registry/log_stage.h"

#include <algorithm>
#include <iterator>

namespace iris::registry {
namespace {

// A hub that is all refusals must not grow us: then they go on without the filter's word.
constexpr std::size_t kMaxEntries = 16'384;
constexpr std::size_t kMaxRecords = 4'096;

/// All but what the filter may change.
std::string key_of(const flow::SecurityRecord& record) {
  std::string key = std::to_string(record.wall_ns);
  for (const std::string* part : {&record.hub, &record.device_id, &record.module_id, &record.category, &record.operation,
                                  &record.code, &record.description, &record.protocol, &record.remote_address}) {
    key += '\0';
    key += *part;
  }
  return key;
}

}  // namespace

void LogStage::take(const std::string& partition, std::string offset, identity::LogReading reading) {
  const std::uint64_t position = first_ + entries_.size();
  entries_.push_back({partition, std::move(offset), {}});
  records_ += reading.records.size();
  for (const flow::SecurityRecord& record : reading.records) origins_.emplace(key_of(record), position);
  place(filter_.take(std::move(reading), position));
  if (entries_.size() > kMaxEntries || records_ > kMaxRecords) release();
}

void LogStage::place(std::vector<flow::SecurityRecord> released) {
  for (flow::SecurityRecord& record : released) {
    // Records that say the same may stand for each other; the filter lets the older go first.
    const auto [begin, end] = origins_.equal_range(key_of(record));
    const auto origin = std::min_element(begin, end, [](const auto& a, const auto& b) { return a.second < b.second; });
    std::size_t index = entries_.size() - 1;
    if (origin != end) {
      if (origin->second >= first_) index = static_cast<std::size_t>(origin->second - first_);
      origins_.erase(origin);
    }
    entries_[index].records.push_back(std::move(record));
  }
}

void LogStage::release() { place(filter_.flush()); }

std::size_t LogStage::ready() const {
  const auto held = filter_.oldest_held_position();
  return held ? static_cast<std::size_t>(*held - first_) : entries_.size();
}

LogStage::Batch LogStage::collect() {
  Batch batch;
  for (std::size_t left = ready(); left > 0; --left) {
    Entry& entry = entries_.front();
    records_ -= entry.records.size();
    std::move(entry.records.begin(), entry.records.end(), std::back_inserter(batch.records));
    if (!entry.offset.empty()) batch.checkpoints[entry.partition] = std::move(entry.offset);
    entries_.pop_front();
    ++first_;
  }
  return batch;
}

}  // namespace iris::registry
