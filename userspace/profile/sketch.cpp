// SPDX-License-Identifier: Apache-2.0
#include "profile/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace iris::profile {

std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ mix(seed);
  for (const char byte : bytes) {
    hash ^= static_cast<std::uint8_t>(byte);
    hash *= 0x100000001b3ULL;
  }
  return mix(hash);
}

void DistinctCount::add(std::uint64_t hash) {
  auto& slot = registers_[hash & 63];
  slot = std::max(slot, static_cast<std::uint8_t>(std::countl_zero((hash >> 6) | 1) - 6 + 1));
}

double DistinctCount::estimate() const {
  constexpr double kRegisters = 64;
  double sum = 0;
  int empty = 0;
  for (const std::uint8_t value : registers_) {
    sum += std::ldexp(1.0, -value);
    empty += value == 0;
  }
  const double raw = 0.709 * kRegisters * kRegisters / sum;
  return raw <= 2.5 * kRegisters && empty > 0 ? kRegisters * std::log(kRegisters / empty) : raw;
}

void Quantiles::add(double value) {
  const double position = std::log2(std::max(value, 1.0)) * 4;
  auto& bucket = buckets_[std::min<std::size_t>(static_cast<std::size_t>(position), kBuckets - 1)];
  if (bucket == 255)
    for (auto& other : buckets_) other = static_cast<std::uint8_t>((other + 1) / 2);
  ++bucket;
  if (count_ < UINT32_MAX) ++count_;
}

double Quantiles::quantile(double q) const {
  std::uint32_t total = 0;
  for (const auto bucket : buckets_) total += bucket;
  if (total == 0) return 0;
  const double wanted = std::clamp(q, 0.0, 1.0) * total;
  std::uint32_t seen = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (buckets_[i] == 0) continue;
    seen += buckets_[i];
    last = i;
    if (seen >= wanted) break;
  }
  return std::exp2((static_cast<double>(last) + 0.5) / 4);
}

void TwoSpeedMean::add(double value, double dt_s) {
  constexpr double kFast_s = 6 * 3600;
  constexpr double kSlow_s = 7 * 86400;
  if (count < UINT32_MAX) ++count;
  // While few values are known a plain mean moves faster than either speed.
  const double floor = 1.0 / count;
  const auto move = [&](float& mean, double tau) {
    const double weight = std::max(floor, 1 - std::exp(-std::max(dt_s, 0.0) / tau));
    mean += static_cast<float>((value - mean) * weight);
  };
  move(fast, kFast_s);
  move(slow, kSlow_s);
}

void Interval::add(double gap_s) {
  // Old gaps fade, so that a new rhythm is learned in some hundred beats.
  constexpr std::uint32_t kMemory = 256;
  if (count < kMemory)
    ++count;
  else
    m2 *= 1 - 1.0F / kMemory;
  const auto delta = static_cast<float>(gap_s) - mean_s;
  mean_s += delta / static_cast<float>(count);
  m2 += delta * (static_cast<float>(gap_s) - mean_s);
}

double Interval::variation() const {
  if (count < 2 || mean_s <= 0) return 1e9;
  return std::sqrt(std::max(0.0F, m2) / static_cast<float>(count - 1)) / mean_s;
}

}  // namespace iris::profile
