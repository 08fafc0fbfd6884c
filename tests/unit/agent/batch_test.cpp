// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/batch_builder.h"
#include "agent/batch_queue.h"

namespace iris::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kSecond = 1'000'000'000;

flow::Ledger ledger(std::uint64_t start_s, std::uint64_t end_s) {
  flow::Ledger made;
  made.window_start_wall_ns = start_s * kSecond;
  made.window_end_wall_ns = end_s * kSecond;
  return made;
}

flow::Batch batch(std::uint64_t start_s, std::uint64_t end_s, std::size_t flows) {
  flow::Batch made{start_s * kSecond, end_s * kSecond, {}, {}};
  for (std::size_t i = 0; i < flows; ++i) {
    flow::FlowRecord flow;
    flow.service_port = static_cast<std::uint16_t>(start_s * 100 + i);
    made.records.emplace_back(flow);
  }
  made.records.emplace_back(ledger(start_s, end_s));
  return made;
}

TEST(BatchBuilder, AWindowBecomesABatchWithoutSocketEvents) {
  BatchBuilder builder;
  builder.write(flow::FlowRecord{});
  builder.write(flow::SocketEvent{});
  EXPECT_FALSE(builder.take());
  builder.write(ledger(10, 20));
  const auto made = builder.take();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->start_wall_ns, 10 * kSecond);
  EXPECT_EQ(made->end_wall_ns, 20 * kSecond);
  EXPECT_EQ(made->records.size(), 2U);
  EXPECT_FALSE(builder.take());
  EXPECT_EQ(builder.windows(), 1U);
  EXPECT_EQ(builder.flows(), 1U);
}

TEST(BatchBuilder, AnIdleWindowWaitsForTheNextButNotForEver) {
  BatchBuilder builder(std::chrono::seconds(30));
  for (std::uint64_t start = 10; start < 30; start += 10) {
    builder.write(ledger(start, start + 10));
    EXPECT_FALSE(builder.take()) << start;
  }
  builder.write(ledger(30, 40));
  const auto made = builder.take();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->records.size(), 3U);
  EXPECT_EQ(made->start_wall_ns, 10 * kSecond);
  EXPECT_EQ(made->end_wall_ns, 40 * kSecond);
}

TEST(BatchBuilder, AClockSetBackDoesNotTurnTheWindowRound) {
  BatchBuilder builder;
  builder.write(flow::FlowRecord{});
  builder.write(ledger(100, 40));
  const auto within = builder.take();
  ASSERT_TRUE(within);
  EXPECT_EQ(within->start_wall_ns, 40 * kSecond);
  EXPECT_EQ(within->end_wall_ns, 100 * kSecond);

  builder.write(ledger(100, 110));
  EXPECT_FALSE(builder.take());  // idle
  builder.write(flow::FlowRecord{});
  builder.write(ledger(50, 60));
  const auto between = builder.take();
  ASSERT_TRUE(between);
  EXPECT_EQ(between->start_wall_ns, 50 * kSecond);
  EXPECT_EQ(between->end_wall_ns, 110 * kSecond);
}

TEST(BatchBuilder, AClockSetBackHoldsNothingUpUntilItIsThereAgain) {
  BatchBuilder builder;
  builder.write(ledger(1'000'000, 1'000'010));
  EXPECT_FALSE(builder.take());
  builder.write(ledger(1'000'010, 20));  // set back within this window
  const auto made = builder.take();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->records.size(), 2U);
}

TEST(BatchBuilder, LossAloneIsWorthSending) {
  BatchBuilder builder;
  auto lossy = ledger(1, 2);
  lossy.dropped["ring_full"] = 1;
  builder.write(lossy);
  EXPECT_TRUE(builder.take());
}

TEST(BatchBuilder, TooManyEventsAreInTheLedger) {
  BatchBuilder builder;
  for (std::size_t i = 0; i < BatchBuilder::kMaxEvents + 5; ++i) builder.write(flow::ExitRecord{});
  auto closing = ledger(1, 2);
  closing.produced = closing.delivered = BatchBuilder::kMaxEvents + 5;
  builder.write(closing);
  const auto made = builder.take();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->records.size(), BatchBuilder::kMaxEvents + 1);
  const auto& told = std::get<flow::Ledger>(made->records.back());
  EXPECT_EQ(told.dropped.at("batch_full"), 5U);
  EXPECT_EQ(told.delivered + 5, told.produced);
}

TEST(BatchBuilder, FinishGivesWhatCameBehindTheLastWindow) {
  BatchBuilder builder;
  EXPECT_FALSE(builder.finish());
  builder.write(flow::FlowRecord{});
  builder.write(ledger(1, 2));
  builder.write(flow::ExitRecord{});
  const auto made = builder.finish();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->records.size(), 3U);
}

TEST(BatchQueue, GivesInOrderAndEndsWhenClosed) {
  BatchQueue queue(4, 100);
  int pushed = 0;
  queue.set_on_push([&pushed] { ++pushed; });
  queue.push(batch(1, 2, 1));
  queue.push(batch(2, 3, 1));
  queue.close();
  EXPECT_EQ(pushed, 2);
  EXPECT_EQ(queue.pop(milliseconds(1000))->start_wall_ns, kSecond);
  EXPECT_EQ(queue.pop(milliseconds(1000))->start_wall_ns, 2 * kSecond);
  EXPECT_FALSE(queue.pop(std::chrono::hours(1)));
}

TEST(BatchQueue, AFullQueueMerges) {
  BatchQueue queue(2, 100);
  for (std::uint64_t i = 1; i <= 4; ++i) queue.push(batch(i, i + 1, 1));
  EXPECT_EQ(queue.status().waiting, 2U);
  EXPECT_EQ(queue.status().merged, 2U);
  queue.pop(milliseconds(0));
  const auto merged = queue.pop(milliseconds(0));
  EXPECT_EQ(merged->start_wall_ns, 2 * kSecond);
  EXPECT_EQ(merged->end_wall_ns, 5 * kSecond);
  EXPECT_EQ(std::count_if(merged->records.begin(), merged->records.end(),
                          [](const auto& one) { return std::holds_alternative<flow::FlowRecord>(one); }), 3);
}

TEST(BatchQueue, WhatCannotBeMergedBecomesANamedGap) {
  BatchQueue queue(1, 6);
  queue.push(batch(1, 2, 4));
  queue.push(batch(2, 3, 4));
  queue.push(batch(3, 4, 3));
  EXPECT_EQ(queue.status().lost_windows, 2U);
  const auto kept = queue.pop(milliseconds(0));
  ASSERT_EQ(kept->gaps.size(), 1U);
  EXPECT_EQ(kept->gaps[0], (flow::Gap{2 * kSecond, 4 * kSecond, "queue_full", 2, 7}));
  EXPECT_EQ(kept->records.size(), 5U);
}

TEST(BatchQueue, WakesAReaderThatWaits) {
  BatchQueue queue(1, 10);
  std::thread writer([&queue] { queue.push(batch(1, 2, 1)); });
  EXPECT_TRUE(queue.pop(milliseconds(10'000)));
  writer.join();
}

}  // namespace
}  // namespace iris::agent
