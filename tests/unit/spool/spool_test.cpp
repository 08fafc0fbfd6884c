// SPDX-License-Identifier: Apache-2.0
#include "spool/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "batches.h"
#include "sql/sql.h"

namespace iris::spool {
namespace {

using namespace batches;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SpoolTest : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return options_.directory / "spool.db"; }
  sql::Connection database() { return std::move(*sql::Connection::open(file())); }

  test_support::TemporaryDirectory directory_;
  SpoolOptions options_{directory_ / "spool", 1 << 20, {}};
};

TEST_F(SpoolTest, GivesBackInOrderAndForgetsWhatIsAcknowledged) {
  auto spool = open(options_);
  EXPECT_EQ(spool->status().last_sequence, 0U);
  for (std::uint32_t id = 1; id <= 5; ++id) EXPECT_EQ(spool->append(batch(id, 3)).value_or(0), id);
  EXPECT_THAT(read_all(*spool).ids, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(read_all(*spool, 3).ids, ElementsAre(4, 5));
  ASSERT_TRUE(spool->acknowledge(2));
  EXPECT_THAT(read_all(*spool).ids, ElementsAre(3, 4, 5));
  EXPECT_EQ(spool->status().oldest_sequence, 3U);
  EXPECT_EQ(spool->status().windows, 3U);
  ASSERT_TRUE(spool->acknowledge(99));
  EXPECT_THAT(read_all(*spool).ids, IsEmpty());
  EXPECT_EQ(spool->status().oldest_sequence, 0U);
  EXPECT_EQ(spool->append(batch(6)).value_or(0), 6U);
  EXPECT_THAT(read_all(*spool).ids, ElementsAre(6));
}

TEST_F(SpoolTest, SequencesGoOnAfterARestartEvenWhenAllIsAcknowledged) {
  std::uint64_t epoch = 0;
  {
    auto spool = open(options_);
    epoch = spool->status().epoch;
    EXPECT_NE(epoch, 0U);
    for (std::uint32_t id = 1; id <= 3; ++id) ASSERT_TRUE(spool->append(batch(id)));
    ASSERT_TRUE(spool->acknowledge(3));
  }
  auto spool = open(options_);
  EXPECT_EQ(spool->status().epoch, epoch);
  EXPECT_EQ(spool->append(batch(4)).value_or(0), 4U);
  EXPECT_THAT(read_all(*spool, 3).ids, ElementsAre(4));
}

TEST_F(SpoolTest, KeepsValuesInStepWithBatches) {
  using Values = std::map<std::string, std::string>;
  {
    auto spool = open(options_);
    EXPECT_EQ(spool->kept("").value(), Values{});
    auto first = batch(1);
    first.keep = {{"device/a", "1"}, {"device/b", std::string("\0\xff", 2)}, {"event_hub/0", "77"}};
    ASSERT_TRUE(spool->append(first));
    auto second = batch(2);
    second.keep = {{"device/a", "2"}, {"device/b", ""}};
    ASSERT_TRUE(spool->append(second));
  }
  auto spool = open(options_);
  EXPECT_EQ(spool->kept("device/").value(), (Values{{"a", "2"}}));
  EXPECT_EQ(spool->kept("").value(), (Values{{"device/a", "2"}, {"event_hub/0", "77"}}));
  ASSERT_TRUE(spool->acknowledge(2));
  EXPECT_EQ(spool->kept("event_hub/").value(), (Values{{"0", "77"}})) << "outlives its batch";
}

TEST_F(SpoolTest, AFileFromBeforeThereWasAnythingToKeepIsGoodStill) {
  { ASSERT_TRUE(open(options_)->append(batch(1))); }
  ASSERT_EQ(database().query_int64("SELECT count(*) FROM sqlite_master WHERE name = 'kept'").value(), 0);
  auto spool = open(options_);
  EXPECT_TRUE(spool->status().quarantined.empty());
  auto next = batch(2);
  next.keep = {{"a", "1"}};
  ASSERT_TRUE(spool->append(next));
  EXPECT_EQ(spool->kept("").value().size(), 1U);
}

TEST_F(SpoolTest, TimeWithoutTheAgentIsAGapOfTheNextBatchOnce) {
  { ASSERT_TRUE(open(options_)->append(batch(1))); }
  { open(options_, kStart + 100 * kSecond); }  // begins, but ends before its first window does
  auto spool = open(options_, kStart + 200 * kSecond);
  ASSERT_TRUE(spool->append(batch(2)));
  ASSERT_TRUE(spool->append(batch(3)));
  const auto content = read_all(*spool);
  EXPECT_THAT(content.gaps, ElementsAre(flow::Gap{kStart + 20 * kSecond, kStart + 200 * kSecond, "agent_stopped", 0, 0}));
  EXPECT_EQ(content.rows[1].batch.gaps.size(), 1U);
}

TEST_F(SpoolTest, AClockSetByAYearChangesNeitherOrderNorSequence) {
  const std::uint64_t year = 365ULL * 86'400 * kSecond;
  { ASSERT_TRUE(open(options_)->append(batch(1))); }
  {
    auto spool = open(options_, kStart - year);
    auto back = batch(2);
    back.start_wall_ns -= year;
    back.end_wall_ns -= year;
    EXPECT_EQ(spool->append(back).value_or(0), 2U);
    EXPECT_THAT(read_all(*spool).gaps, ElementsAre(flow::Gap{kStart - year, kStart - year, "agent_stopped", 0, 0}));
  }
  auto spool = open(options_, kStart + year);
  EXPECT_EQ(spool->append(batch(3)).value_or(0), 3U);
  EXPECT_THAT(read_all(*spool).ids, ElementsAre(1, 2, 3));
  const auto gap = read_all(*spool).gaps.back();
  EXPECT_EQ(gap.end_wall_ns - gap.start_wall_ns, 2 * year - 30 * kSecond);
}

TEST_F(SpoolTest, ASecondProcessIsToldSo) {
  auto spool = open(options_);
  const auto second = Spool::open(options_, kStart);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another process uses the spool"));
  EXPECT_EQ(second.error().kind, base::Error::Kind::usage);
  spool.reset();
  EXPECT_TRUE(Spool::open(options_, kStart));
}

TEST_F(SpoolTest, NobodyElseMayRead) {
  const auto mode = [](const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  };
  auto spool = open(options_);
  ASSERT_TRUE(spool->append(batch(1)));
  EXPECT_EQ(mode(options_.directory), 0700U);
  for (const char* name : {"spool.db", "spool.db-wal", "spool.lock"}) EXPECT_EQ(mode(options_.directory / name), 0600U) << name;
}

TEST_F(SpoolTest, TooSmallALimitIsRefused) {
  options_.max_bytes = 1000;
  EXPECT_FALSE(Spool::open(options_, kStart));
}

TEST_F(SpoolTest, ADamagedHeaderBeginsANewEpochWithAGap) {
  std::uint64_t epoch = 0;
  for (int round = 1; round <= 3; ++round) {
    {
      auto spool = open(options_);
      for (std::uint32_t id = 1; id <= 3; ++id) ASSERT_TRUE(spool->append(batch(id)));
      epoch = spool->status().epoch;
    }
    std::fstream(file(), std::ios::binary | std::ios::in | std::ios::out) << "not SQLite at all";
    auto spool = open(options_, kStart + 1);
    EXPECT_NE(spool->status().epoch, epoch);
    EXPECT_THAT(spool->status().quarantined, SizeIs(1));
    EXPECT_TRUE(std::filesystem::exists(spool->status().quarantined[0]));
    EXPECT_EQ(spool->append(batch(9)).value_or(0), 1U);
    EXPECT_THAT(read_all(*spool).gaps, ElementsAre(flow::Gap{0, kStart + 1, "spool_corrupted", 0, 0}));
  }
  std::size_t kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
    const auto name = entry.path().filename().string();
    if (name.find("damaged") != std::string::npos && name.find("-wal") == std::string::npos) ++kept;
  }
  EXPECT_EQ(kept, 2U);
}

TEST_F(SpoolTest, ATornPageIsFoundAtOpen) {
  {
    auto spool = open(options_);
    for (std::uint32_t id = 1; id <= 50; ++id) ASSERT_TRUE(spool->append(batch(id, 20)));
  }
  {
    std::fstream torn(file(), std::ios::binary | std::ios::in | std::ios::out);
    torn.seekp(2048 * 2);  // the root of the batches
    torn << std::string(1024, '\x5a');
  }
  auto spool = open(options_, kStart + 1);
  EXPECT_THAT(spool->status().quarantined, SizeIs(1));
  ASSERT_TRUE(spool->append(batch(1)));
  EXPECT_THAT(read_all(*spool).gaps, SizeIs(1));
}

TEST_F(SpoolTest, ARowThatCannotBeReadIsDroppedAndNamed) {
  {
    auto spool = open(options_);
    for (std::uint32_t id = 1; id <= 4; ++id) ASSERT_TRUE(spool->append(batch(id, 7)));
  }
  // One in the midst, and the newest, which carries the sequence on.
  ASSERT_TRUE(database().exec("UPDATE batches SET content = zeroblob(50) WHERE last_sequence IN (2, 4)"));
  const std::uint64_t now = kStart + 50 * kSecond;
  {
    auto spool = open(options_, now);
    EXPECT_THAT(read_all(*spool).ids, ElementsAre(1, 3));
  }
  auto spool = open(options_, now);
  EXPECT_EQ(spool->append(batch(5)).value_or(0), 5U);
  const auto content = read_all(*spool);
  EXPECT_THAT(content.ids, ElementsAre(1, 3, 5));
  EXPECT_THAT(content.gaps,
              ElementsAre(flow::Gap{now, now, "agent_stopped", 0, 0},
                          flow::Gap{kStart + 20 * kSecond, kStart + 30 * kSecond, "spool_corrupted", 1, 7},
                          flow::Gap{kStart + 40 * kSecond, now, "spool_corrupted", 1, 7}));
}

TEST_F(SpoolTest, AKilledProcessLosesNothingThatWasAppended) {
  std::uint32_t reached = 0;
  for (int round = 0; round < 8; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto spool = Spool::open(options_, kStart);
      for (std::uint32_t id = reached + 1; spool; ++id) {
        if (!(*spool)->append(batch(id, 5))) ::_exit(1);
        if (::write(pipe_ends[1], &id, sizeof id) != sizeof id) ::_exit(2);
      }
      ::_exit(3);
    }
    ::close(pipe_ends[1]);
    std::uint32_t said = 0;
    for (int i = 0; i <= round; ++i) ASSERT_EQ(::read(pipe_ends[0], &said, sizeof said), ssize_t{sizeof said});
    ::usleep(static_cast<useconds_t>(round * 1700));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (::read(pipe_ends[0], &said, sizeof said) == ssize_t{sizeof said}) {
    }
    ::close(pipe_ends[0]);
    auto spool = open(options_);
    const auto ids = read_all(*spool).ids;
    ASSERT_GE(ids.size(), said);
    ASSERT_LE(ids.size(), said + 1U) << "one may have been committed without having been told";
    for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], i + 1);
    reached = static_cast<std::uint32_t>(ids.size());
  }
}

}  // namespace
}  // namespace iris::spool
