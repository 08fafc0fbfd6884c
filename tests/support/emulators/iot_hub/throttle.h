// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

namespace iris::iot_hub_emulator {

enum class Operation { query, registry, twin_read, configuration };
constexpr std::size_t kOperations = 4;

/// A bucket that holds `burst` and is filled at a steady rate. Rate 0: never empty.
struct Rate {
  double per_second = 0;
  double burst = 0;
};
using Rates = std::array<Rate, kOperations>;  // by Operation

/// The documented throttles of a hub; nothing for an unknown tier. "none", "s1" (free, S1,
/// S2), "s3". A bucket holds what its documented time (minute, second) admits.
std::optional<Rates> rates_of_tier(const std::string& tier, unsigned units);

/// May be used from several threads.
class Throttle {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Throttle(Rates rates = {}) { set(rates); }
  /// Fills all buckets.
  void set(Rates rates);
  /// Takes one. Otherwise: how long until there is one again.
  std::optional<std::chrono::milliseconds> refused(Operation operation, TimePoint now);

 private:
  struct Bucket {
    double level = 0;
    std::optional<TimePoint> filled;
  };

  std::mutex mutex_;
  Rates rates_{};
  std::array<Bucket, kOperations> buckets_{};
};

}  // namespace iris::iot_hub_emulator
