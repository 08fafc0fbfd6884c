// SPDX-License-Identifier: Apache-2.0
#include "profile/sketch.h"

#include <gtest/gtest.h>

#include <cmath>

namespace iris::profile {
namespace {

TEST(DistinctCount, IsWithinThreeStandardErrors) {
  for (const int n : {3, 20, 100, 1000, 20'000}) {
    DistinctCount count;
    for (int i = 0; i < n; ++i)
      for (int twice = 0; twice < 2; ++twice) count.add(mix(static_cast<std::uint64_t>(i) + 1));
    EXPECT_NEAR(count.estimate(), n, std::max(2.0, 3 * 0.13 * n)) << n;
  }
}

TEST(Quantiles, AreOffByAtMostHalfABucket) {
  Quantiles quantiles;
  for (int i = 1; i <= 200; ++i) quantiles.add(i * 1000);
  for (const double q : {0.1, 0.5, 0.9, 0.99}) EXPECT_NEAR(quantiles.quantile(q) / (q * 200'000), 1.0, 0.1) << q;
  EXPECT_EQ(quantiles.count(), 200u);
}

TEST(Quantiles, OldValuesFade) {
  Quantiles quantiles;
  for (int i = 0; i < 1000; ++i) quantiles.add(10);
  for (int i = 0; i < 2000; ++i) quantiles.add(10'000);
  EXPECT_GT(quantiles.quantile(0.4), 5000);
}

TEST(TwoSpeedMean, FastFollowsWithinADayAndSlowDoesNot) {
  TwoSpeedMean mean;
  for (int hour = 0; hour < 24 * 14; ++hour) mean.add(100, 3600);
  for (int hour = 0; hour < 24; ++hour) mean.add(1000, 3600);
  EXPECT_GT(mean.fast, 900);
  EXPECT_LT(mean.slow, 300);
}

TEST(Interval, TellsAClockFromChance) {
  Interval clock, chance;
  std::uint64_t state = 1;
  for (int i = 0; i < 200; ++i) {
    state = mix(state + 1);
    const double uniform = (static_cast<double>(state % 100'000) + 1) / 100'001;
    clock.add(60 + 3 * (uniform - 0.5));
    chance.add(-60 * std::log(uniform));
  }
  EXPECT_LT(clock.variation(), 0.1);
  EXPECT_GT(chance.variation(), 0.7);
}

}  // namespace
}  // namespace iris::profile
