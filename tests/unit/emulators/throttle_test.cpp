// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/throttle.h"

#include <gmock/gmock.h>

namespace iris::iot_hub_emulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Throttle::TimePoint kStart{std::chrono::hours(1)};

int admitted(Throttle& throttle, Operation operation, Throttle::TimePoint now) {
  int count = 0;
  while (count < 10'000 && !throttle.refused(operation, now)) ++count;
  return count;
}

TEST(Throttle, S1AdmitsTwentyQueriesAMinute) {
  Throttle throttle(*rates_of_tier("s1", 1));
  EXPECT_EQ(admitted(throttle, Operation::query, kStart), 20);
  EXPECT_EQ(throttle.refused(Operation::query, kStart), milliseconds(3'000));
  EXPECT_EQ(throttle.refused(Operation::query, kStart + seconds(2)), milliseconds(1'000));
  EXPECT_EQ(admitted(throttle, Operation::query, kStart + milliseconds(3'001)), 1);
  EXPECT_EQ(admitted(throttle, Operation::query, kStart + seconds(600)), 20);
}

TEST(Throttle, OperationsHaveBucketsOfTheirOwn) {
  Throttle throttle(*rates_of_tier("s1", 2));
  EXPECT_EQ(admitted(throttle, Operation::query, kStart), 40);
  EXPECT_EQ(admitted(throttle, Operation::registry, kStart), 200);
  EXPECT_EQ(admitted(throttle, Operation::twin_read, kStart), 100);
  EXPECT_EQ(admitted(throttle, Operation::configuration, kStart), 20);
}

TEST(Throttle, NoneNeverRefuses) {
  Throttle throttle;
  EXPECT_EQ(admitted(throttle, Operation::query, kStart), 10'000);
}

TEST(Throttle, AClockThatGoesBackFillsNothing) {
  Throttle throttle(*rates_of_tier("s1", 1));
  EXPECT_EQ(admitted(throttle, Operation::query, kStart), 20);
  EXPECT_TRUE(throttle.refused(Operation::query, kStart - seconds(60)));
  EXPECT_TRUE(throttle.refused(Operation::query, kStart));
}

TEST(Throttle, UnknownTier) { EXPECT_FALSE(rates_of_tier("s2000", 1)); }

}  // namespace
}  // namespace iris::iot_hub_emulator
