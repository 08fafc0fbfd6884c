// SPDX-License-Identifier: Apache-2.0
// The wall clock of agent and collector is set by a year, forward and back, while
// they run and while they are dead.
#include "preload/wall_clock.h"
#include "torture_fixture.h"

namespace iris::test {
namespace {

constexpr std::chrono::hours kYear{24 * 365};

class Clock : public Torture {};

TEST_F(Clock, SetByAYearForwardAndBackNothingIsLostAndNothingCountsTwice) {
  WallClock of_agent(path("agent.clock"));
  WallClock of_collector(path("collector.clock"));
  make_collector(of_collector.variables());
  make_agent({}, of_agent.variables());
  start();
  load(100);
  ASSERT_TRUE(wait_for_everything());
  for (const auto shift : {kYear, std::chrono::hours(0), -kYear, kYear}) {
    of_agent.shift(shift);
    load(100);
    let_the_window_pass();
    load(100);
    EXPECT_TRUE(wait_for_everything(milliseconds(30'000))) << "the stream did not go on after " << shift.count() << " h";
  }
  // Of the collector, and of both while the one or the other is dead.
  of_collector.shift(-kYear);
  load(100);
  EXPECT_TRUE(wait_for_everything(milliseconds(30'000)));
  kill_agent();
  of_agent.shift(-kYear);
  agent_->start();
  load(100);
  of_collector.shift(kYear);
  let_the_window_pass();
  kill_collector();
  of_collector.shift(std::chrono::hours(0));
  load(100);
  collector_->start();
  let_the_window_pass();
  kill_agent();
  of_agent.shift(std::chrono::hours(0));
  agent_->start();
  expect_everything_once();
  const std::uint64_t year_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(kYear).count());
  const auto ledger = account();
  EXPECT_LT(ledger.start_wall_ns, wall_now() - year_ns / 2) << "the clock was not set back";
  EXPECT_GT(ledger.end_wall_ns, wall_now() + year_ns / 2) << "the clock was not set forward";
}

}  // namespace
}  // namespace iris::test
