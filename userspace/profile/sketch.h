// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

/// Summaries of fixed size and known error. Debian 12 has no C++ library for
/// them (DataSketches is packaged for other languages only), and what is needed
/// here is small.
namespace iris::profile {

/// FNV-1a with a final mix: the same on every machine, since hashes are stored.
std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed = 0);
/// The final mix of SplitMix64: spreads an integer over all bits.
constexpr std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 30;
  value *= 0xbf58476d1ce4e5b9ULL;
  value ^= value >> 27;
  value *= 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

/// How many different values: HyperLogLog (Flajolet et al. 2007) of 64
/// registers, linear counting when small. Standard error 1.04/sqrt(64) = 13 %.
class DistinctCount {
 public:
  void add(std::uint64_t hash);
  double estimate() const;
  std::array<std::uint8_t, 64>& registers() { return registers_; }
  const std::array<std::uint8_t, 64>& registers() const { return registers_; }

 private:
  std::array<std::uint8_t, 64> registers_{};
};

/// Quantiles of positive numbers: counts in buckets of equal ratio, four a
/// power of two, so that a quantile is off by at most 9 % (half a bucket).
/// Values from 1 to 2^40; halves itself before a bucket overflows, so that old
/// values fade.
class Quantiles {
 public:
  static constexpr std::size_t kBuckets = 160;

  void add(double value);
  /// `q` of 0 to 1; 0 when empty.
  double quantile(double q) const;
  std::uint32_t count() const { return count_; }
  std::array<std::uint8_t, kBuckets>& buckets() { return buckets_; }
  const std::array<std::uint8_t, kBuckets>& buckets() const { return buckets_; }
  void set_count(std::uint32_t count) { count_ = count; }

 private:
  std::array<std::uint8_t, kBuckets> buckets_{};
  std::uint32_t count_ = 0;  // all values ever, faded ones included
};

/// A mean that forgets, at two speeds: what is true today, and what has been
/// true for weeks. An anomaly departs from both; drift moves the slow one.
struct TwoSpeedMean {
  float fast = 0;
  float slow = 0;
  std::uint32_t count = 0;

  /// `dt_s`: seconds since the value before.
  void add(double value, double dt_s);
};

/// Mean and spread of the gaps between events (Welford), for periodicity.
struct Interval {
  float mean_s = 0;
  float m2 = 0;
  std::uint32_t count = 0;

  void add(double gap_s);
  /// Standard deviation over mean: about 1 for a random process, below 0.3 for a clock.
  double variation() const;
};

}  // namespace iris::profile
