// SPDX-License-Identifier: Apache-2.0
#include "agent/spool_source.h"

#include <numeric>
#include <utility>

#include "flow/merge.h"

namespace iris::agent {

bool SpoolSource::must_go(const flow::Batch& batch) const {
  const std::size_t records = std::accumulate(held_.begin(), held_.end(), std::size_t{0}, [](std::size_t sum, const auto& one) {
    return sum + one.batch.records.size();
  });
  const std::uint64_t start_wall_ns = held_.front().batch.start_wall_ns;
  // A clock that was set back gives an end before the start: not worth waiting for.
  const bool long_enough = batch.end_wall_ns < start_wall_ns ||
                           batch.end_wall_ns - start_wall_ns >= static_cast<std::uint64_t>(longest_wait_.count());
  return long_enough || records >= kMaxRecords || !flow::can_wait(batch, sent_);
}

base::Result<bool> SpoolSource::gather(std::uint64_t sequence) {
  while (true) {
    const std::uint64_t last = held_.empty() ? sequence : held_.back().last_sequence;
    std::optional<spool::StoredBatch> next = std::exchange(beyond_, std::nullopt);
    if (!next) {
      auto read = store_.next_after(last);
      if (!read) return tl::unexpected(std::move(read.error()));
      next = std::move(*read);
    }
    if (!next) return false;
    if (!held_.empty() && next->first_sequence != last + 1) {
      // The spool dropped what was between: the numbers sent together leave no gap.
      beyond_ = std::move(next);
      return true;
    }
    held_.push_back(std::move(*next));
    if (must_go(held_.back().batch)) return true;
  }
}

base::Result<std::optional<ship::BatchSource::Next>> SpoolSource::next_after(std::uint64_t sequence) {
  const std::uint64_t epoch = store_.epoch();
  if (sequence != sent_sequence_ || epoch != epoch_) {  // a new stream, which goes on where the collector says
    epoch_ = epoch;
    held_.clear();
    beyond_.reset();
    sent_ = {};
    sent_sequence_ = sequence;
  }
  const auto ready = gather(sequence);
  if (!ready) return tl::unexpected(ready.error());
  if (!*ready) return std::optional<Next>();
  return std::optional<Next>(send());
}

ship::BatchSource::Next SpoolSource::send() {
  Next next;
  next.first_sequence = held_.front().first_sequence;
  next.last_sequence = held_.back().last_sequence;
  std::vector<flow::Batch> batches;
  for (auto& one : held_) batches.push_back(std::move(one.batch));
  held_.clear();
  next.batch = batches.size() == 1 ? std::move(batches.front()) : flow::merge(std::move(batches));
  sent_sequence_ = next.last_sequence;
  sent_ = next.batch;
  return next;
}

}  // namespace iris::agent
