// SPDX-License-Identifier: Apache-2.0
// Disks that are full, and disks that lose what was not synced when the power goes.
#include <gmock/gmock.h>

#include <cstdlib>
#include <thread>

#include "preload/lossy_disk.h"
#include "torture_fixture.h"

namespace iris::test {
namespace {

using ::testing::HasSubstr;

class Disk : public Torture {};

TEST_F(Disk, OfTheAgentFullIsSurvivedAndWhatOnlyItsMemoryHadIsNamed) {
  mount_disk(path("spool"), 4 << 20);
  make_collector();
  make_agent();
  start();
  load(200);
  let_the_window_pass();
  fill_disk(path("spool"));
  for (int round = 0; round < 4; ++round) {
    load(100);
    fill_disk(path("spool"));  // what the log gave back meanwhile
    std::this_thread::sleep_for(milliseconds(700));
  }
  agent_->wait_for("batches are kept in memory");
  free_disk(path("spool"));
  load(100);
  agent_->wait_for("can be written again");
  ASSERT_TRUE(wait_for_everything());
  EXPECT_EQ(account().verdict(), "complete");

  // Killed while only its memory has it.
  fill_disk(path("spool"));
  load(20);
  let_the_window_pass();
  fill_disk(path("spool"));
  const Sums before = arrived();
  const std::uint64_t from = wall_now();
  load(300);
  const std::uint64_t until = wall_now();
  let_the_window_pass();
  kill_agent();
  const std::uint64_t lost = made_ - before.closed;
  free_disk(path("spool"));
  agent_->start();
  load(100);
  let_go_ = lost;
  ASSERT_TRUE(wait_for_everything());
  const auto gap = gap_of("agent_stopped");
  EXPECT_LE(gap.start_wall_ns, from);
  EXPECT_GE(gap.end_wall_ns, until);
  expect_everything_once();
}

TEST_F(Disk, OfTheCollectorFullIsWaitedFor) {
  mount_disk(path("collector"), 6 << 20);
  make_collector();
  make_agent();
  start();
  load(200);
  ASSERT_TRUE(wait_for_everything());
  fill_disk(path("collector"));
  for (int round = 0; round < 3; ++round) {
    load(200);
    fill_disk(path("collector"));
    std::this_thread::sleep_for(milliseconds(700));
  }
  agent_->wait_for("the store is not available");
  // Killed and started with the disk full, which may but need not succeed.
  kill_collector();
  collector_->launch();
  load(100);
  let_the_window_pass();
  kill_agent();
  agent_->start();
  free_disk(path("collector"));
  if (!collector_->runs()) {
    EXPECT_THAT(collector_->words(), HasSubstr("opening sqlite:"));
    collector_->start();
  }
  expect_everything_once();
}

TEST_F(Disk, WithoutPowerLosesNothingThatWasPromised) {
  mount_disk(path("spool"), 64 << 20);
  mount_disk(path("collector"), 64 << 20);
  LossyDisk spool(path("spool"), path("spool.log"));
  LossyDisk store(path("collector"), path("store.log"));
  make_collector(store.variables());
  make_agent({}, spool.variables());
  start();
  const std::size_t cuts = std::getenv("IRIS_LONG") != nullptr ? 60 : 8;
  while (agent_kills_ + collector_kills_ < cuts) {
    load(100 + up_to(300));
    if (up_to(2) == 0) {
      store.wait_for_write();
      kill_collector();
      store.cut_power(random_());
      collector_->start();
    }
    let_the_window_pass();
    if (up_to(2) == 0) {
      // What dies with it may not count: traffic of others.
      others_load();
      spool.wait_for_write();
      kill_agent();
      spool.cut_power(random_());
      agent_->start();
    }
  }
  expect_everything_once();
  EXPECT_GT(spool.lost_writes() + spool.torn_writes() + store.lost_writes() + store.torn_writes(), 0U);
  RecordProperty("lost", std::to_string(spool.lost_writes() + store.lost_writes()) + " writes");
  RecordProperty("torn", std::to_string(spool.torn_writes() + store.torn_writes()) + " writes");
}

}  // namespace
}  // namespace iris::test
