// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace iris::enrich {

/// Bounded queue from the threads of the clients to the event loop. A full
/// queue makes its writers wait, so that nothing is lost and nothing grows;
/// the reader never waits.
template <typename T>
class MessageQueue {
 public:
  explicit MessageQueue(std::size_t capacity) : capacity_(capacity) {}

  /// False when the queue was closed: the message is not taken.
  bool push(T message) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [this] { return closed_ || messages_.size() < capacity_; });
    if (closed_) return false;
    messages_.push_back(std::move(message));
    filled_.store(true, std::memory_order_release);
    return true;
  }

  /// Everything that came since the last call. One atomic read when that is nothing.
  std::vector<T> drain() {
    std::vector<T> taken;
    if (!filled_.load(std::memory_order_acquire)) return taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(messages_);
      filled_.store(false, std::memory_order_release);
    }
    has_room_.notify_all();
    return taken;
  }

  /// Lets waiting writers go; further messages are refused.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    has_room_.notify_all();
  }

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::vector<T> messages_;
  bool closed_ = false;
  std::atomic<bool> filled_{false};
};

}  // namespace iris::enrich
