// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "registry/pace.h"

namespace iris::test_support {

/// Time that passes when the test says so. A client that waits has done all that was due.
class FakePace : public registry::Pace {
 public:
  static constexpr std::uint64_t kWallSeconds = 1'900'000'000;  // at the start

  TimePoint now() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  std::uint64_t wall_ns() override {
    const std::lock_guard lock(mutex_);
    return wall_ns_;
  }
  void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, TimePoint until) override {
    {
      const std::lock_guard own(mutex_);
      if (now_ >= until) return;
      waiting_ = Waiting{lock.mutex(), &changed, until};
      ++waits_;
      changed_.notify_all();
    }
    changed.wait(lock);
    const std::lock_guard own(mutex_);
    waiting_.reset();
  }

  std::size_t waits() const {
    const std::lock_guard lock(mutex_);
    return waits_;
  }
  /// Blocks until the client waits once more than `before`; for how long it means to.
  std::chrono::milliseconds await(std::size_t before) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waits_ > before && waiting_; });
    return std::chrono::duration_cast<std::chrono::milliseconds>(waiting_->until - now_);
  }
  /// Lets time pass for the waiting client. If that ends its wait, returns when it waits again,
  /// and for how long then.
  std::chrono::milliseconds advance(std::chrono::milliseconds by) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.has_value(); });
    const auto waiting = *waiting_;
    const auto before = waits_;
    now_ += by;
    wall_ns_ += static_cast<std::uint64_t>(std::chrono::nanoseconds(by).count());
    if (now_ < waiting.until) return std::chrono::duration_cast<std::chrono::milliseconds>(waiting.until - now_);
    waiting_.reset();
    lock.unlock();
    {
      // Not between the client's look at the clock and its wait.
      const std::lock_guard client(*waiting.mutex);
      waiting.changed->notify_all();
    }
    return await(before);
  }
  void set_wall_seconds(std::int64_t seconds) {
    const std::lock_guard lock(mutex_);
    wall_ns_ = static_cast<std::uint64_t>(seconds) * 1'000'000'000;
  }

 private:
  struct Waiting {
    std::mutex* mutex;
    std::condition_variable* changed;
    TimePoint until;
  };
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  TimePoint now_ = TimePoint(std::chrono::hours(1000));
  std::uint64_t wall_ns_ = kWallSeconds * 1'000'000'000;
  std::optional<Waiting> waiting_;
  std::size_t waits_ = 0;
};

}  // namespace iris::test_support
