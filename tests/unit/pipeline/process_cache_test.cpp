// SPDX-License-Identifier: Apache-2.0
#include "pipeline/process_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace iris::pipeline {
namespace {

TEST(ProcessCache, TellsProcessesOfOnePidApart) {
  ProcessCache cache;
  cache.executed(7, 100, "/bin/old");
  EXPECT_EQ(cache.executable(7, 100), "/bin/old");
  EXPECT_EQ(cache.executable(7, 200), "");
  cache.executed(7, 200, "/bin/new");
  EXPECT_EQ(cache.executable(7, 200), "/bin/new");
  EXPECT_EQ(cache.executable(7, 100), "");
  EXPECT_EQ(cache.size(), 1u);
}

TEST(ProcessCache, ForgetsWhatExited) {
  ProcessCache cache;
  cache.executed(7, 100, "/bin/x");
  cache.exited(7);
  cache.exited(8);
  EXPECT_EQ(cache.executable(7, 100), "");
  EXPECT_EQ(cache.size(), 0u);
}

TEST(ProcessCache, LeastRecentlyUsedGoesFirst) {
  ProcessCache cache(2);
  cache.executed(1, 1, "/bin/1");
  cache.executed(2, 1, "/bin/2");
  EXPECT_EQ(cache.executable(1, 1), "/bin/1");  // a use
  cache.executed(3, 1, "/bin/3");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.executable(2, 1), "");
  EXPECT_EQ(cache.executable(1, 1), "/bin/1");
  EXPECT_EQ(cache.executable(3, 1), "/bin/3");
}

class ProcDirectory : public ::testing::Test {
 protected:
  ProcDirectory() : root_(std::filesystem::temp_directory_path() / ("iris-proc-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(root_ / "7");
    std::filesystem::create_directories(root_ / "8");
    std::filesystem::create_directories(root_ / "self");
    std::filesystem::create_symlink("/bin/busy (deleted)", root_ / "7" / "exe");
    std::filesystem::create_symlink("/bin/self", root_ / "self" / "exe");
  }
  ~ProcDirectory() override { std::filesystem::remove_all(root_); }
  std::filesystem::path root_;
};

TEST_F(ProcDirectory, ScanKnowsThoseThatStartedBefore) {
  ProcessCache cache;
  cache.scan(1000, root_);
  EXPECT_EQ(cache.size(), 1u);  // 8 has no executable: a kernel thread
  EXPECT_EQ(cache.executable(7, 999), "/bin/busy");
  EXPECT_EQ(cache.executable(7, 1001), "");  // another process by now
}

TEST_F(ProcDirectory, ExecutableNowIsOfWhomeverHasThePid) {
  ProcessCache cache;
  cache.executed(7, 5, "/bin/x");
  EXPECT_EQ(cache.executable_now(7), "/bin/x");
  EXPECT_EQ(cache.executable_now(static_cast<std::uint32_t>(getpid())),
            std::filesystem::read_symlink("/proc/self/exe").string());
}

}  // namespace
}  // namespace iris::pipeline
