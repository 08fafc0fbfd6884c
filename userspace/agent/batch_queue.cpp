// SPDX-License-Identifier: Apache-2.0
#include "agent/batch_queue.h"

#include <algorithm>
#include <iterator>

#include "flow/merge.h"

namespace iris::agent {
namespace {

template <typename Kind>
std::uint64_t count_of(const flow::Batch& batch) {
  return static_cast<std::uint64_t>(std::count_if(batch.records.begin(), batch.records.end(), [](const flow::Record& record) {
    return std::holds_alternative<Kind>(record);
  }));
}

}  // namespace

void BatchQueue::push(flow::Batch batch) {
  {
    const std::lock_guard lock(mutex_);
    if (batches_.size() < capacity_) {
      batches_.push_back(std::move(batch));
    } else {
      squeeze(std::move(batch));
    }
    status_.waiting = batches_.size();
  }
  filled_.notify_one();
  if (on_push_) on_push_();
}

void BatchQueue::squeeze(flow::Batch batch) {
  flow::Batch& last = batches_.back();
  if (last.records.size() + batch.records.size() <= max_records_) {
    ++status_.merged;
    std::vector<flow::Batch> both;
    both.push_back(std::move(last));
    both.push_back(std::move(batch));
    last = flow::merge(std::move(both));
    return;
  }
  for (auto& [key, value] : batch.keep) last.keep.insert_or_assign(key, std::move(value));
  const std::uint64_t windows = count_of<flow::Ledger>(batch);
  status_.lost_windows += windows;
  last.gaps.insert(last.gaps.end(), std::make_move_iterator(batch.gaps.begin()), std::make_move_iterator(batch.gaps.end()));
  if (!last.gaps.empty() && last.gaps.back().reason == "queue_full" && last.gaps.back().end_wall_ns == batch.start_wall_ns) {
    last.gaps.back().end_wall_ns = batch.end_wall_ns;
    last.gaps.back().windows += windows;
    last.gaps.back().flows += count_of<flow::FlowRecord>(batch);
    return;
  }
  last.gaps.push_back({batch.start_wall_ns, batch.end_wall_ns, "queue_full", windows, count_of<flow::FlowRecord>(batch)});
}

std::optional<flow::Batch> BatchQueue::pop(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  filled_.wait_for(lock, timeout, [this] { return closed_ || !batches_.empty(); });
  if (batches_.empty()) return std::nullopt;
  flow::Batch batch = std::move(batches_.front());
  batches_.pop_front();
  status_.waiting = batches_.size();
  return batch;
}

void BatchQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  filled_.notify_all();
}

QueueStatus BatchQueue::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace iris::agent
