// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batches.h"
#include "faulty_vfs/faulty_vfs.h"

namespace iris::spool {
namespace {

using namespace batches;

class SpoolLimit : public ::testing::Test {
 protected:
  void append(Spool& spool, std::uint32_t from, std::uint32_t to, std::uint32_t flows, bool same_peers) {
    for (std::uint32_t id = from; id <= to; ++id) {
      const auto appended = spool.append(batch(id, flows, same_peers));
      ASSERT_TRUE(appended) << id << ": " << appended.error().message;
      ASSERT_EQ(*appended, id);
      ASSERT_LE(spool.status().bytes, options_.max_bytes) << id;
    }
  }

  test_support::TemporaryDirectory directory_;
  test_support::FaultyVfs vfs_{"without_syncs"};
  SpoolOptions options_{directory_ / "spool", 1 << 20, "without_syncs"};
};

TEST_F(SpoolLimit, TheOldestAreFoldedAndNothingIsMissing) {
  auto spool = open(options_);
  append(*spool, 1, 1200, 20, true);
  EXPECT_EQ(spool->status().dropped_windows, 0U);
  const auto content = read_all(*spool);
  ASSERT_EQ(content.ids.size(), 1200U);
  for (std::uint32_t i = 0; i < 1200; ++i) ASSERT_EQ(content.ids[i], i + 1);
  EXPECT_LT(content.rows.size(), 1200U) << "without folding it would not fit";
  EXPECT_GT(content.rows.front().last_sequence, 1U) << "the oldest first";
  EXPECT_EQ(content.rows.back().first_sequence, 1200U);
  std::uint64_t expected = 1;
  for (const auto& row : content.rows) {
    ASSERT_EQ(row.first_sequence, expected);
    ASSERT_EQ(ids_of(row.batch).size(), row.last_sequence - row.first_sequence + 1);
    expected = row.last_sequence + 1;
  }
}

TEST_F(SpoolLimit, WhatCannotBeFoldedIsDroppedAndNamedOnce) {
  {
    auto spool = open(options_);
    append(*spool, 1, 400, 100, false);
  }
  auto spool = open(options_, kStart + 4010 * kSecond);
  append(*spool, 401, 500, 100, false);
  const auto dropped = spool->status().dropped_windows;
  EXPECT_GT(dropped, 100U);
  const auto content = read_all(*spool);
  EXPECT_EQ(content.ids.size() + dropped, 500U);
  std::uint64_t windows = 0;
  std::uint64_t flows = 0;
  for (const auto& gap : content.gaps) {
    if (gap.reason != "spool_full") continue;
    windows += gap.windows;
    flows += gap.flows;
  }
  EXPECT_EQ(windows, dropped) << "also those in batches that were themselves dropped";
  EXPECT_EQ(flows, dropped * 100);
  EXPECT_EQ(content.ids.back(), 500U);
}

TEST_F(SpoolLimit, WhatWasOfferedIsNeverFolded) {
  auto spool = open(options_);
  append(*spool, 1, 40, 20, true);
  ASSERT_EQ(read_all(*spool).rows.size(), 40U);
  spool.reset();
  // The collector may have any of them; the next life cannot know which.
  spool = open(options_);
  append(*spool, 41, 1200, 20, true);
  for (std::uint64_t sequence = 0; sequence < 40; ++sequence) {
    const auto next = spool->next_after(sequence);
    ASSERT_TRUE(next && *next);
    ASSERT_EQ((*next)->first_sequence, sequence + 1);
    ASSERT_EQ((*next)->last_sequence, sequence + 1);
  }
}

TEST_F(SpoolLimit, RoomOfAcknowledgedRowsIsUsedAgain) {
  auto spool = open(options_);
  for (std::uint32_t id = 1; id <= 3000; ++id) {
    ASSERT_TRUE(spool->append(batch(id, 20)));
    ASSERT_TRUE(spool->acknowledge(id));
  }
  EXPECT_LT(spool->status().bytes, 300'000U);
}

TEST_F(SpoolLimit, ABatchTooLargeForARowIsNamed) {
  auto spool = open(options_);
  auto large = batch(1, 5000, false);
  large.records.emplace_back(flow::Ledger{1, 2, 7, 5000, 5000, 0, {}});
  ASSERT_TRUE(spool->append(large));
  const auto content = read_all(*spool);
  ASSERT_EQ(content.rows.size(), 1U);
  ASSERT_EQ(content.rows[0].batch.records.size(), 1U);
  EXPECT_EQ(std::get<flow::Ledger>(content.rows[0].batch.records[0]).produced, 5000U);
  EXPECT_THAT(content.gaps, ::testing::ElementsAre(
                                flow::Gap{large.start_wall_ns, large.end_wall_ns, "batch_too_large", 1, 5000}));
}

}  // namespace
}  // namespace iris::spool
