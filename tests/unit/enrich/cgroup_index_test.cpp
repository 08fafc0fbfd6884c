// SPDX-License-Identifier: Apache-2.0
#include "enrich/cgroup_index.h"

#include <gmock/gmock.h>
#include <malloc.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "temporary_directory.h"

namespace iris::enrich {
namespace {

using testing::Contains;

class CgroupIndexTest : public ::testing::Test {
 protected:
  std::uint64_t inode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(stat((root_ / path).c_str(), &status), 0);
    return status.st_ino;
  }
  iris::test_support::TemporaryDirectory root_;
};

TEST_F(CgroupIndexTest, ScanFindsWhatExists) {
  std::filesystem::create_directories(root_ / "system.slice/a.service");
  std::filesystem::create_directories(root_ / "docker/x");
  CgroupIndex index(root_.path().string() + "/", 100);
  const auto fresh = index.scan();
  EXPECT_EQ(fresh.size(), 5U);
  EXPECT_THAT(fresh, Contains(inode("docker/x")));
  ASSERT_NE(index.find(inode("system.slice/a.service")), nullptr);
  EXPECT_EQ(index.find(inode("system.slice/a.service"))->path, "/system.slice/a.service");
  EXPECT_EQ(index.find(inode("."))->path, "/");
  EXPECT_TRUE(index.scan().empty()) << "nothing new the second time";
  EXPECT_EQ(index.id_of_path("/docker/x"), inode("docker/x"));
  EXPECT_EQ(index.id_of_path("/docker/y"), std::nullopt);
}

TEST_F(CgroupIndexTest, MissingRootIsNoDisaster) {
  CgroupIndex index(root_ / "absent", 100);
  EXPECT_TRUE(index.scan().empty());
  EXPECT_FALSE(index.find_or_ask(77).known);
  EXPECT_EQ(index.id_of_path("/"), std::nullopt);
}

TEST_F(CgroupIndexTest, RemovedOnesStayKnownUntilTheirPlaceIsNeeded) {
  CgroupIndex index(root_.path(), 64);
  for (std::uint64_t id = 1; id <= 40; ++id) index.add(id, "/live");
  for (std::uint64_t id = 101; id <= 116; ++id) {
    index.add(id, "/dead");
    index.remove(id);
  }
  ASSERT_EQ(index.size(), 56U);
  EXPECT_FALSE(index.find(101)->alive);  // and is the most recently used now
  index.add(200, "/new");
  index.remove(200);
  EXPECT_EQ(index.size(), 56U);
  EXPECT_NE(index.find(101), nullptr);
  EXPECT_EQ(index.find(102), nullptr);
  for (std::uint64_t id = 1; id <= 40; ++id) EXPECT_NE(index.find(id), nullptr);
}

TEST_F(CgroupIndexTest, LiveOnesOverTheLimitAreCountedAndBounded) {
  CgroupIndex index(root_.path(), 64);
  for (std::uint64_t id = 1; id <= 200; ++id) index.add(id, "/live");
  EXPECT_EQ(index.size(), 64U);
  EXPECT_EQ(index.live(), 48U);
  EXPECT_EQ(index.over_limit_total(), 200U - 48U);
  EXPECT_NE(index.find(1), nullptr);
  EXPECT_NE(index.find(200), nullptr) << "the newest has a place for now";
}

TEST_F(CgroupIndexTest, AnIdUsedAgainIsAnotherCgroup) {
  std::set<std::string> evicted;
  CgroupIndex index(root_.path(), 64, [&](std::uint64_t, const CgroupIndex::Entry& entry) { evicted.insert(entry.path); });
  index.add(7, "/old").owner = std::make_shared<flow::Owner>();
  index.remove(7);
  const auto& entry = index.add(7, "/new");
  EXPECT_EQ(entry.owner, nullptr);
  EXPECT_TRUE(entry.alive);
  EXPECT_EQ(index.live(), 1U);
  EXPECT_THAT(evicted, Contains("/old"));
}

TEST_F(CgroupIndexTest, UnknownIdsAreRememberedAsUnknown) {
  CgroupIndex index(root_.path(), 64);
  EXPECT_FALSE(index.find_or_ask(5).known);
  EXPECT_EQ(index.size(), 1U);
  index.remove(5);
  index.add(5, "/late");
  EXPECT_TRUE(index.find_or_ask(5).known);
  for (std::uint64_t id = 1000; id < 3000; ++id) index.find_or_ask(id);
  EXPECT_EQ(index.size(), 17U);
  EXPECT_NE(index.find(5), nullptr);
}

TEST_F(CgroupIndexTest, ChurnLeavesMemoryWhereItWas) {
  CgroupIndex index(root_.path(), 1024);
  const std::string path = "/docker/" + std::string(64, 'a');
  const auto churn = [&](std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t id = first; id < first + count; ++id) {
      index.add(id, path);
      index.remove(id);
    }
  };
  churn(1, 10'000);
  const std::size_t before = mallinfo2().uordblks;
  churn(10'001, 100'000);
  const std::size_t after = mallinfo2().uordblks;
  EXPECT_EQ(index.size(), 256U);
  EXPECT_LE(after, before + 64 * 1024);
}

}  // namespace
}  // namespace iris::enrich
