// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <random>

#include "batches.h"
#include "faulty_vfs/faulty_vfs.h"

namespace iris::spool {
namespace {

using namespace batches;
using ::testing::HasSubstr;

class SpoolFaults : public ::testing::TestWithParam<int> {
 protected:
  test_support::TemporaryDirectory directory_;
  test_support::FaultyVfs vfs_{"faulty"};
  SpoolOptions options_{directory_.path(), 1 << 20, "faulty"};
};

TEST_P(SpoolFaults, ADiskThatFailsForAWhileLosesNothing) {
  auto spool = open(options_);
  ASSERT_TRUE(spool->append(batch(1, 20)));
  vfs_.fail(GetParam());
  for (std::uint32_t id = 2; id <= 300; ++id) {
    const auto appended = spool->append(batch(id, 20));
    ASSERT_FALSE(appended);
    ASSERT_THAT(appended.error().message, HasSubstr("kept in memory"));
  }
  auto status = spool->status();
  EXPECT_EQ(status.failed_appends, 299U);
  EXPECT_EQ(status.waiting_windows, 299U);
  EXPECT_NE(status.fault, "");
  vfs_.heal();
  EXPECT_EQ(spool->append(batch(301, 20)).value_or(0), 301U) << "each window has its sequence";
  status = spool->status();
  EXPECT_EQ(status.fault, "");
  EXPECT_EQ(status.waiting_windows, 0U);
  const auto content = read_all(*spool);
  ASSERT_EQ(content.ids.size(), 301U);
  for (std::uint32_t i = 0; i < 301; ++i) ASSERT_EQ(content.ids[i], i + 1);
  EXPECT_TRUE(content.gaps.empty());
}

INSTANTIATE_TEST_SUITE_P(Codes, SpoolFaults,
                         ::testing::Values(SQLITE_FULL, SQLITE_READONLY, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC));

TEST_F(SpoolFaults, MemoryIsBoundedAndWhatDidNotFitIsNamed) {
  auto spool = open(options_);
  vfs_.fail(SQLITE_FULL);
  // Peers that never come again do not fold.
  for (std::uint32_t id = 1; id <= 60; ++id) ASSERT_FALSE(spool->append(batch(id, 500, false)));
  const auto waiting = spool->status();
  EXPECT_GT(waiting.dropped_windows, 0U);
  EXPECT_EQ(waiting.dropped_windows + waiting.waiting_windows, 60U);
  vfs_.heal();
  ASSERT_TRUE(spool->append(batch(61)));
  const auto content = read_all(*spool);
  std::uint64_t lost = 0;
  std::uint64_t lost_flows = 0;
  for (const auto& gap : content.gaps) {
    lost += gap.windows;
    lost_flows += gap.flows;
  }
  EXPECT_EQ(lost_flows, lost * 500);
  EXPECT_EQ(content.ids.size() + lost, 61U);
}

TEST_F(SpoolFaults, AFaultAtOpenIsSurvived) {
  vfs_.fail(SQLITE_READONLY);
  auto spool = open(options_);
  EXPECT_EQ(spool->status().epoch, 0U);
  EXPECT_FALSE(spool->append(batch(1)));
  EXPECT_FALSE(spool->next_after(0).value().has_value());
  vfs_.heal();
  EXPECT_EQ(spool->append(batch(2)).value_or(0), 2U);
  EXPECT_THAT(read_all(*spool).ids, ::testing::ElementsAre(1, 2));
}

/// Appends, reads and acknowledges until the power goes; then everything that was
/// promised must be there, once.
TEST_F(SpoolFaults, APowerCutAnywhereLosesNoPromise) {
  constexpr int kCuts = 150;
  int cut_during_append = 0;
  for (int round = 0; round < kCuts; ++round) {
    std::mt19937_64 random(static_cast<std::uint64_t>(round));
    options_.directory = directory_ / fmt::format("cut-{}", round);
    std::uint32_t id = 0;
    std::uint64_t promised = 0;      // last sequence that append() gave
    std::uint64_t acknowledged = 0;
    std::uint64_t epoch = 0;
    for (int life = 0; life < 3; ++life) {
      vfs_.cut(random() % (life == 0 ? 200 : 90));
      {
        auto spool = open(options_);
        if (spool->status().epoch != 0) epoch = spool->status().epoch;
        while (!vfs_.is_cut()) {
          const auto appended = spool->append(batch(id + 1, static_cast<std::uint32_t>(random() % 40)));
          if (appended) {
            ASSERT_EQ(*appended, promised + 1) << "round " << round;
            promised = *appended;
            ++id;
          } else {
            ++cut_during_append;
          }
          if (random() % 8 == 0 && !vfs_.is_cut()) {
            acknowledged = std::max(acknowledged, promised - std::min<std::uint64_t>(promised, random() % 5));
            static_cast<void>(spool->next_after(0));
            static_cast<void>(spool->acknowledge(acknowledged));
          }
        }
      }
      vfs_.power_on(random());
      auto spool = open(options_);
      ASSERT_TRUE(spool->status().quarantined.empty()) << "round " << round << ": " << spool->status().fault;
      if (promised > 0) {
        ASSERT_EQ(spool->status().epoch, epoch) << "round " << round;
      }
      const auto content = read_all(*spool, acknowledged);
      ASSERT_GE(content.ids.size(), promised - acknowledged) << "round " << round << " life " << life;
      ASSERT_LE(content.ids.size(), promised - acknowledged + 1) << "round " << round << " life " << life;
      for (std::size_t i = 0; i < content.ids.size(); ++i) {
        ASSERT_EQ(content.ids[i], acknowledged + i + 1) << "round " << round;
        ASSERT_EQ(content.rows[i].last_sequence, acknowledged + i + 1);
      }
      // What was committed without being told is there all the same.
      promised = acknowledged + content.ids.size();
      id = static_cast<std::uint32_t>(promised);
    }
    std::filesystem::remove_all(options_.directory);
  }
  EXPECT_GT(cut_during_append, kCuts);
}

TEST_F(SpoolFaults, LittleIsWrittenForAWindow) {
  options_.max_bytes = 256 << 20;
  auto spool = open(options_);
  constexpr std::uint32_t kWindows = 1000;
  const auto before = vfs_.written_bytes();
  for (std::uint32_t id = 1; id <= kWindows; ++id) {
    ASSERT_TRUE(spool->append(batch(id, 20)));
    ASSERT_TRUE(spool->next_after(id - 1).value().has_value());
    ASSERT_TRUE(spool->acknowledge(id));
  }
  const auto each = (vfs_.written_bytes() - before) / kWindows;
  RecordProperty("written_bytes_each", static_cast<int>(each));
  EXPECT_LT(each, 3000U) << "26 MB a day";
}

}  // namespace
}  // namespace iris::spool
