// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>

#include "pipeline/event_translator.h"

namespace iris::pipeline {

inline std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

/// Sampled anew now and then, since wall time is set and slewed.
inline WallOffset sample_wall_offset() {
  const std::uint64_t before = clock_ns(CLOCK_MONOTONIC);
  const std::uint64_t wall = clock_ns(CLOCK_REALTIME);
  const std::uint64_t after = clock_ns(CLOCK_MONOTONIC);
  return static_cast<WallOffset>(wall) - static_cast<WallOffset>(before + (after - before) / 2);
}

}  // namespace iris::pipeline
