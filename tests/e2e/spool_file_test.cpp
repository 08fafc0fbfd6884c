// SPDX-License-Identifier: Apache-2.0
// The agent's spool is put back from a backup, and emptied, behind its back.
#include <filesystem>

#include "torture_fixture.h"

namespace iris::test {
namespace {

class SpoolFile : public Torture {
 protected:
  static void copy(const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  }
};

TEST_F(SpoolFile, PutBackFromABackupOrEmptiedIsNoticedAndNamed) {
  make_collector();
  make_agent();
  start();
  load(100);
  ASSERT_TRUE(wait_for_everything());
  kill_agent();
  copy(path("spool"), path("backup"));
  agent_->start();
  for (int round = 0; round < 4; ++round) {
    load(100);
    let_the_window_pass();
  }
  ASSERT_TRUE(wait_for_everything());
  kill_agent();
  copy(path("backup"), path("spool"));
  agent_->start();
  for (int round = 0; round < 3; ++round) {
    load(100);
    let_the_window_pass();
  }
  ASSERT_TRUE(wait_for_everything()) << agent_->words();
  const auto restored = gap_of("spool_restored");
  EXPECT_LT(restored.start_wall_ns, restored.end_wall_ns);

  agent_->kill();  // of this stop the new spool knows no more than the loss of the old
  std::filesystem::resize_file(path("spool") + "/spool.db", 0);
  agent_->start();
  load(100);
  ASSERT_TRUE(wait_for_everything()) << agent_->words();
  gap_of("spool_corrupted");
  expect_everything_once({"spool_restored", "spool_corrupted"});
}

}  // namespace
}  // namespace iris::test
