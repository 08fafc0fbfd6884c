// SPDX-License-Identifier: Apache-2.0
#include "capture/cgroup_mounts.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace iris::capture {
namespace {

using testing::Contains;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    close(fd);
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "iris-mounts-XXXXXX";
};

TEST(CgroupMounts, HybridHost) {
  const TemporaryFile mounts(
      "proc /proc proc rw,nosuid 0 0\n"
      "tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0\n"
      "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n"
      "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,name=systemd 0 0\n"
      "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime,nsdelegate 0 0\n");
  const auto found = read_cgroup_mounts(mounts.path());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].path, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_FALSE(found[0].v2);
  EXPECT_THAT(found[0].options, Contains("cpuacct"));
  EXPECT_THAT(found[1].options, Contains("name=systemd"));
  EXPECT_EQ(found[2].path, "/sys/fs/cgroup/unified");
  EXPECT_TRUE(found[2].v2);
}

TEST(CgroupMounts, PathWithSpaceIsDecoded) {
  const TemporaryFile mounts("none /run/my\\040groups cgroup2 rw 0 0\n");
  const auto found = read_cgroup_mounts(mounts.path());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "/run/my groups");
}

TEST(CgroupMounts, OverlayWithLongOptionsDoesNotHideWhatFollows) {
  const TemporaryFile mounts("overlay / overlay rw,lowerdir=" + std::string(9000, 'x') +
                             " 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
  const auto found = read_cgroup_mounts(mounts.path());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "/sys/fs/cgroup");
}

TEST(CgroupMounts, NoFileNoMounts) { EXPECT_TRUE(read_cgroup_mounts("/nonexistent/mounts").empty()); }

TEST(HierarchyId, ByController) {
  const TemporaryFile cgroups(
      "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
      "cpuset\t3\t8\t1\n"
      "net_cls\t0\t8\t1\n"
      "pids\t8\t8\t1\n");
  EXPECT_EQ(read_hierarchy_id(cgroups.path(), "pids"), 8U);
  EXPECT_EQ(read_hierarchy_id(cgroups.path(), "net_cls"), 0U);
  EXPECT_EQ(read_hierarchy_id(cgroups.path(), "cpu"), std::nullopt);
  EXPECT_EQ(read_hierarchy_id(cgroups.path(), "#subsys_name"), std::nullopt);
}

TEST(CgroupRoots, GivenDirectoryMustBeCgroup2) {
  const auto roots = find_cgroup_roots("/proc", "");
  ASSERT_FALSE(roots);
  EXPECT_EQ(roots.error().kind, base::Error::Kind::usage);
  EXPECT_THAT(roots.error().message, testing::HasSubstr("/proc is not in a cgroup2 hierarchy"));
}

}  // namespace
}  // namespace iris::capture
