// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/throttle.h"

#include <algorithm>
#include <cmath>

namespace iris::iot_hub_emulator {

std::optional<Rates> rates_of_tier(const std::string& tier, unsigned units) {
  const auto per_minute = [units](double n) { return Rate{n * units / 60, n * units}; };
  const auto per_second = [](double n) { return Rate{n, n}; };
  if (tier == "none") return Rates{};
  if (tier == "s1") return Rates{per_minute(20), per_minute(100), per_second(100), Rate{20.0 / 60, 20}};
  if (tier == "s3") return Rates{per_minute(1'000), per_minute(5'000), per_second(500), Rate{20.0 / 60, 20}};
  return std::nullopt;
}

void Throttle::set(Rates rates) {
  const std::lock_guard lock(mutex_);
  rates_ = rates;
  for (std::size_t i = 0; i < kOperations; ++i) buckets_[i] = {rates[i].burst, std::nullopt};
}

std::optional<std::chrono::milliseconds> Throttle::refused(Operation operation, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto& rate = rates_[static_cast<std::size_t>(operation)];
  auto& bucket = buckets_[static_cast<std::size_t>(operation)];
  if (rate.per_second <= 0) return std::nullopt;
  if (bucket.filled && now > *bucket.filled) {
    const double seconds = std::chrono::duration<double>(now - *bucket.filled).count();
    bucket.level = std::min(rate.burst, bucket.level + seconds * rate.per_second);
  }
  bucket.filled = std::max(now, bucket.filled.value_or(now));
  if (bucket.level >= 1) {
    bucket.level -= 1;
    return std::nullopt;
  }
  const double missing_ms = (1 - bucket.level) / rate.per_second * 1'000;
  return std::chrono::milliseconds(static_cast<long>(std::ceil(missing_ms - 1e-6)));
}

}  // namespace iris::iot_hub_emulator
