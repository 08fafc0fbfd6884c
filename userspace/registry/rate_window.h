// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>

namespace iris::registry {

/// At most `per_minute` events in any 60 seconds. Stricter than a token bucket, whose burst
/// and refill add up to twice the rate in its first minute.
class RateWindow {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit RateWindow(unsigned per_minute) : per_minute_(std::max(1u, per_minute)) {}

  /// When the next one may be, at the earliest; `now` or later.
  TimePoint next(TimePoint now) const {
    if (taken_.size() < per_minute_) return now;
    return std::max(now, taken_.front() + std::chrono::minutes(1));
  }
  void take(TimePoint now) {
    taken_.push_back(now);
    if (taken_.size() > per_minute_) taken_.pop_front();
  }

 private:
  std::size_t per_minute_;
  std::deque<TimePoint> taken_;
};

}  // namespace iris::registry
