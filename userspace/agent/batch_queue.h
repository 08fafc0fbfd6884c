// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "flow/batch.h"

namespace iris::agent {

struct QueueStatus {
  std::uint64_t waiting = 0;       // batches
  std::uint64_t merged = 0;        // batches that were merged into the last one, for want of room
  std::uint64_t lost_windows = 0;  // windows that became a gap, because the last one was too large for that
};

/// From the capture thread to the ship thread. Never makes the writer wait: when it
/// is full the new batch is merged into the last one; when that is large already,
/// the new one becomes a gap ("queue_full").
class BatchQueue {
 public:
  BatchQueue(std::size_t capacity, std::size_t max_records) : capacity_(capacity), max_records_(max_records) {}

  void push(flow::Batch batch);
  /// The oldest, waiting for it up to `timeout`; none: nothing came, or closed and empty.
  std::optional<flow::Batch> pop(std::chrono::milliseconds timeout);
  /// No more will come; pop() does not wait any longer.
  void close();
  QueueStatus status() const;
  /// Called after each push, on the writer's thread. To be set before the first.
  void set_on_push(std::function<void()> on_push) { on_push_ = std::move(on_push); }

 private:
  void squeeze(flow::Batch batch);

  const std::size_t capacity_;
  const std::size_t max_records_;
  std::function<void()> on_push_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<flow::Batch> batches_;
  bool closed_ = false;
  QueueStatus status_;
};

}  // namespace iris::agent
