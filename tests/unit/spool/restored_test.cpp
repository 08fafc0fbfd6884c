// SPDX-License-Identifier: Apache-2.0
// A spool whose file is an older one, empty, or gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batches.h"

namespace iris::spool {
namespace {

using namespace batches;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RestoredSpool : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return options_.directory / "spool.db"; }
  std::filesystem::path backup() const { return directory_ / "backup"; }

  /// A backup that holds the windows 1 to 5, of which the first three were acknowledged,
  /// put back; the collector has nine of that epoch.
  std::uint64_t put_back() {
    {
      auto spool = open(options_);
      for (std::uint32_t id = 1; id <= 5; ++id) EXPECT_TRUE(spool->append(batch(id, 2)));
      EXPECT_TRUE(spool->acknowledge(3));
    }
    std::filesystem::copy(options_.directory, backup(), std::filesystem::copy_options::recursive);
    auto spool = open(options_);
    for (std::uint32_t id = 6; id <= 9; ++id) EXPECT_TRUE(spool->append(batch(id, 2)));
    EXPECT_TRUE(spool->resume(9).value_or(false));
    const std::uint64_t epoch = spool->status().epoch;
    spool.reset();
    std::filesystem::remove_all(options_.directory);
    std::filesystem::copy(backup(), options_.directory, std::filesystem::copy_options::recursive);
    return epoch;
  }

  test_support::TemporaryDirectory directory_;
  SpoolOptions options_{directory_ / "spool", 1 << 20, {}};
  const std::uint64_t later_ = kStart + 1000 * kSecond;
  const flow::Gap gap_{kStart + 60 * kSecond, later_, "spool_restored", 0, 0};
};

TEST_F(RestoredSpool, WhatCameSinceGoesIntoANewEpochAndTheTimeBetweenIsNamed) {
  const std::uint64_t epoch = put_back();
  {
    auto spool = open(options_, later_);
    ASSERT_EQ(spool->status().epoch, epoch);
    for (std::uint32_t id = 101; id <= 102; ++id) ASSERT_TRUE(spool->append(batch(id, 2)));
    ASSERT_TRUE(spool->resume(7).value_or(false)) << "nothing shows it yet";
    ASSERT_FALSE(spool->resume(9).value_or(true));
    EXPECT_NE(spool->status().epoch, epoch);
    EXPECT_EQ(spool->status().last_sequence, 2U);
    EXPECT_EQ(spool->append(batch(103)).value_or(0), 3U);
    EXPECT_TRUE(spool->resume(0).value_or(false));
  }
  auto spool = open(options_, later_ + 9000 * kSecond);
  EXPECT_TRUE(spool->resume(3).value_or(false));
  const auto content = read_all(*spool);
  EXPECT_THAT(content.ids, ElementsAre(101, 102, 103));
  EXPECT_EQ(content.rows[0].first_sequence, 1U);
  EXPECT_THAT(content.gaps, ElementsAre(flow::Gap{gap_.start_wall_ns, later_, "agent_stopped", 0, 0}, gap_));
}

TEST_F(RestoredSpool, NothingButTheBackupLeavesNothingToSend) {
  put_back();
  {
    auto spool = open(options_, later_);
    ASSERT_FALSE(spool->resume(9).value_or(true));
    EXPECT_EQ(spool->status().last_sequence, 0U);
    EXPECT_EQ(spool->status().oldest_sequence, 0U);
    EXPECT_THAT(read_all(*spool).ids, IsEmpty());
  }
  // Ended before its first window did: the stop after the last one is known all the same.
  auto spool = open(options_, later_ + kSecond);
  EXPECT_EQ(spool->append(batch(200)).value_or(0), 1U);
  EXPECT_THAT(read_all(*spool).ids, ElementsAre(200));
  EXPECT_THAT(read_all(*spool).gaps,
              ElementsAre(flow::Gap{gap_.start_wall_ns, later_ + kSecond, "agent_stopped", 0, 0}, gap_));
}

TEST_F(RestoredSpool, WhatWasGivenOutMeanwhileIsDroppedAndNamed) {
  put_back();
  // Two spools of one epoch take turns: whether the collector has the one or the other nobody can tell.
  auto spool = open(options_, later_);
  for (std::uint32_t id = 101; id <= 104; ++id) ASSERT_TRUE(spool->append(batch(id, 2)));
  ASSERT_TRUE(spool->next_after(5).value().has_value());
  ASSERT_TRUE(spool->acknowledge(6));
  ASSERT_TRUE(spool->next_after(6).value().has_value());
  ASSERT_FALSE(spool->resume(20).value_or(true));
  ASSERT_TRUE(spool->append(batch(105)));
  const auto content = read_all(*spool);
  EXPECT_THAT(content.ids, ElementsAre(103, 104, 105));
  const flow::Gap dropped{kStart + 1020 * kSecond, kStart + 1030 * kSecond, "spool_restored", 1, 2};
  EXPECT_THAT(content.gaps, ::testing::Contains(dropped));
}

TEST_F(RestoredSpool, AFoldedRowOnBothSidesOfTheBorderIsDroppedAndNamed) {
  constexpr std::uint32_t kOld = 45;
  {
    auto spool = open(options_);
    for (std::uint32_t id = 1; id <= kOld; ++id) ASSERT_TRUE(spool->append(batch(id, 200)));
  }
  auto spool = open(options_, later_);
  std::uint32_t id = kOld;
  while (id < 300) ASSERT_TRUE(spool->append(batch(++id, 200)));
  ASSERT_FALSE(spool->resume(id + 1).value_or(true));
  ASSERT_TRUE(spool->append(batch(++id)));
  const auto content = read_all(*spool);
  std::uint64_t named = 0;
  for (const auto& gap : content.gaps) named += gap.windows;
  const std::uint64_t border = kStart + (kOld + 1) * 10 * kSecond;
  EXPECT_THAT(content.gaps, ::testing::Contains(::testing::AllOf(
                                ::testing::Field(&flow::Gap::reason, "spool_restored"),
                                ::testing::Field(&flow::Gap::windows, ::testing::Gt(1U)),
                                ::testing::Field(&flow::Gap::start_wall_ns, ::testing::Lt(border)),
                                ::testing::Field(&flow::Gap::end_wall_ns, ::testing::AllOf(::testing::Gt(border), ::testing::Lt(later_))))));
  EXPECT_EQ(content.ids.back(), id);
  EXPECT_GT(content.ids.front(), kOld);
  EXPECT_GE(content.ids.size() + named, id - kOld);
  EXPECT_LE(content.ids.size() + named, id);
}

TEST_F(RestoredSpool, AnEmptyOrMissingFileIsAGapAndANewEpoch) {
  for (const bool missing : {false, true}) {
    std::uint64_t epoch = 0;
    {
      auto spool = open(options_);
      ASSERT_TRUE(spool->append(batch(1)));
      epoch = spool->status().epoch;
    }
    if (missing) {
      std::filesystem::remove(file());
    } else {
      std::filesystem::resize_file(file(), 0);
    }
    auto spool = open(options_, later_);
    EXPECT_NE(spool->status().epoch, epoch);
    EXPECT_THAT(spool->status().quarantined, SizeIs(missing ? 0 : 1));
    EXPECT_EQ(spool->append(batch(2)).value_or(0), 1U);
    EXPECT_THAT(read_all(*spool).ids, ElementsAre(2));
    EXPECT_THAT(read_all(*spool).gaps, ElementsAre(flow::Gap{0, later_, "spool_corrupted", 0, 0}));
  }
}

TEST_F(RestoredSpool, TheFirstStartNamesNoGap) {
  auto spool = open(options_);
  ASSERT_TRUE(spool->append(batch(1)));
  EXPECT_THAT(read_all(*spool).gaps, IsEmpty());
}

}  // namespace
}  // namespace iris::spool
