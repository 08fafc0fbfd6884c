// SPDX-License-Identifier: Apache-2.0
#include "pipeline/ledger.h"

#include <gmock/gmock.h>

namespace iris::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::int64_t imbalance(const flow::Ledger& ledger) {
  std::uint64_t accounted = ledger.delivered + ledger.folded;
  for (const auto& [reason, count] : ledger.dropped) accounted += count;
  return static_cast<std::int64_t>(ledger.produced) - static_cast<std::int64_t>(accounted);
}

WindowTally lossy() {
  WindowTally tally;
  tally.kernel.events_produced = 100;
  tally.kernel.lost_ring[IRIS_EVENT_EXIT] = 3;
  tally.kernel.lost_ring[IRIS_EVENT_CLOSE] = 7;
  tally.kernel.flow_updates = 1000;
  tally.kernel.flow_updates_folded = 200;
  tally.kernel.lost_flow_update = 50;
  tally.kernel.lost_socket = 4;
  tally.kernel.missed_closes = 6;
  tally.events_read = 90;
  tally.flow_updates = 750;
  tally.flow_updates_folded = 200;
  tally.malformed = 2;
  tally.malformed_dns = 1;
  tally.recursion_misses = 5;
  return tally;
}

TEST(Ledger, BalancesWhenEveryRoadLoses) {
  const flow::Ledger ledger = make_ledger(lossy());
  EXPECT_EQ(imbalance(ledger), 0);
  EXPECT_EQ(ledger.produced, 1115u);
  EXPECT_EQ(ledger.delivered, 837u);
  EXPECT_EQ(ledger.folded, 200u);
  EXPECT_THAT(ledger.dropped,
              ElementsAre(Pair("flow_map_full", 50), Pair("malformed", 2), Pair("malformed_dns", 1),
                          Pair("missed_close", 6), Pair("recursion", 5), Pair("ring_full", 10), Pair("socket_map_full", 4)));
}

TEST(Ledger, CompleteWindowNamesNoReason) {
  WindowTally tally;
  tally.kernel.events_produced = tally.events_read = 10;
  tally.kernel.flow_updates = tally.flow_updates = 20;
  const flow::Ledger ledger = make_ledger(tally);
  EXPECT_EQ(imbalance(ledger), 0);
  EXPECT_EQ(ledger.delivered, 30u);
  EXPECT_THAT(ledger.dropped, IsEmpty());
}

// What is missing without a word must show, not be made up for.
TEST(Ledger, UnexplainedLossShows) {
  WindowTally tally = lossy();
  tally.events_read -= 1;
  EXPECT_EQ(imbalance(make_ledger(tally)), 1);
  tally = lossy();
  tally.flow_updates -= 6;
  EXPECT_EQ(imbalance(make_ledger(tally)), 6);
}

TEST(Ledger, TotalAccumulates) {
  flow::Ledger total;
  flow::Ledger window = make_ledger(lossy());
  window.window_start_wall_ns = 10;
  window.window_end_wall_ns = 20;
  window.sequence = 1;
  accumulate(total, window);
  window.window_start_wall_ns = 20;
  window.window_end_wall_ns = 30;
  window.sequence = 2;
  accumulate(total, window);
  EXPECT_EQ(total.window_start_wall_ns, 10u);
  EXPECT_EQ(total.window_end_wall_ns, 30u);
  EXPECT_EQ(total.sequence, 2u);
  EXPECT_EQ(total.produced, 2230u);
  EXPECT_EQ(total.dropped["ring_full"], 20u);
  EXPECT_EQ(imbalance(total), 0);
}

}  // namespace
}  // namespace iris::pipeline
