// SPDX-License-Identifier: Apache-2.0
#include "agent/spool_source.h"

#include <gtest/gtest.h>

#include <map>

namespace iris::agent {
namespace {

constexpr std::uint64_t kWindow = 10'000'000'000;

class FakeStore : public BatchStore {
 public:
  std::uint64_t epoch() const override { return epoch_; }
  std::uint64_t oldest_sequence() const override { return batches_.empty() ? 0 : batches_.begin()->first; }
  base::Result<std::optional<spool::StoredBatch>> next_after(std::uint64_t sequence) override {
    if (!fault_.empty()) return base::fail(fault_);
    const auto found = batches_.upper_bound(sequence);
    if (found == batches_.end()) return std::optional<spool::StoredBatch>();
    return std::optional<spool::StoredBatch>({found->first, found->first, found->second});
  }
  base::Result<void> acknowledge(std::uint64_t sequence) override {
    batches_.erase(batches_.begin(), batches_.upper_bound(sequence));
    return {};
  }

  base::Result<bool> resume(std::uint64_t) override { return true; }

  /// A window with one flow to this port.
  void add(std::uint64_t sequence, std::uint16_t port, bool with_exit = false) {
    flow::Batch batch{sequence * kWindow, (sequence + 1) * kWindow, {}, {}};
    flow::FlowRecord flow;
    flow.service_port = port;
    flow.opened = 1;
    batch.records.emplace_back(flow);
    if (with_exit) batch.records.emplace_back(flow::ExitRecord{});
    flow::Ledger ledger;
    ledger.window_start_wall_ns = batch.start_wall_ns;
    ledger.window_end_wall_ns = batch.end_wall_ns;
    batch.records.emplace_back(ledger);
    batches_[sequence] = std::move(batch);
  }

  std::uint64_t epoch_ = 7;
  std::string fault_;
  std::map<std::uint64_t, flow::Batch> batches_;
};

class Source : public ::testing::Test {
 protected:
  /// "first-last" of what is sent behind `sequence`; "-": nothing.
  std::string sent(std::uint64_t sequence) {
    const auto next = source_.next_after(sequence);
    if (!next) return next.error().message;
    if (!*next) return "-";
    return std::to_string((*next)->first_sequence) + "-" + std::to_string((*next)->last_sequence);
  }
  FakeStore store_;
  SpoolSource source_{store_};
};

TEST_F(Source, WhatIsNewGoesAtOnceAndTheSameWaitsForAMinute) {
  store_.add(1, 80);
  EXPECT_EQ(sent(0), "1-1");
  for (std::uint64_t sequence = 2; sequence < 7; ++sequence) {
    store_.add(sequence, 80);
    EXPECT_EQ(sent(1), "-") << sequence;
  }
  store_.add(7, 80);
  EXPECT_EQ(sent(1), "2-7");
  EXPECT_EQ(sent(7), "-");
}

TEST_F(Source, ANewKeyOrAnExitTakesTheWaitingWindowsAlong) {
  store_.add(1, 80);
  EXPECT_EQ(sent(0), "1-1");
  store_.add(2, 80);
  EXPECT_EQ(sent(1), "-");
  store_.add(3, 81);
  EXPECT_EQ(sent(1), "2-3");
  store_.add(4, 81);
  EXPECT_EQ(sent(3), "-");
  store_.add(5, 81, true);
  EXPECT_EQ(sent(3), "4-5");
}

TEST_F(Source, ABacklogIsMergedAndCountsOnce) {
  for (std::uint64_t sequence = 1; sequence <= 13; ++sequence) store_.add(sequence, 80);
  EXPECT_EQ(sent(0), "1-1");
  const auto next = source_.next_after(1);
  ASSERT_TRUE(next && *next);
  EXPECT_EQ((*next)->last_sequence, 7U);
  std::uint64_t opened = 0;
  for (const auto& record : (*next)->batch.records) {
    if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) opened += flow->opened;
  }
  EXPECT_EQ(opened, 6U);
  EXPECT_EQ(sent(7), "8-13");
}

TEST_F(Source, WhatTheSpoolDroppedIsNotSentAcross) {
  store_.add(1, 80);
  EXPECT_EQ(sent(0), "1-1");
  store_.add(2, 80);
  EXPECT_EQ(sent(1), "-");
  store_.add(5, 80);
  EXPECT_EQ(sent(1), "2-2");
  EXPECT_EQ(sent(2), "-");
  store_.add(6, 81);
  EXPECT_EQ(sent(2), "5-6");
}

TEST_F(Source, ANewStreamGoesOnWhereTheCollectorSays) {
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) store_.add(sequence, 80);
  EXPECT_EQ(sent(0), "1-1");
  EXPECT_EQ(sent(1), "-");
  EXPECT_EQ(sent(0), "1-1");
  EXPECT_EQ(sent(2), "3-3");
}

TEST_F(Source, ANewEpochForgetsWhatWasHeld) {
  store_.add(1, 80);
  EXPECT_EQ(sent(0), "1-1");
  store_.add(2, 80);
  EXPECT_EQ(sent(1), "-");
  store_.epoch_ = 8;
  store_.batches_.clear();
  store_.add(2, 90);
  EXPECT_EQ(sent(1), "2-2");
}

TEST_F(Source, FaultsOfTheSpoolArePassedOn) {
  store_.fault_ = "disk on fire";
  EXPECT_EQ(sent(0), "disk on fire");
}

}  // namespace
}  // namespace iris::agent
