// SPDX-License-Identifier: Apache-2.0
#include "trace/cgroup.h"

#include <mntent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <system_error>
#include <thread>

#include "trace/child.h"

namespace iris::test {
namespace {

constexpr int kRemoveAttempts = 3000;  // of a millisecond each

/// Unmounts when the process ends.
class PrivateMount {
 public:
  PrivateMount() {
    if (mount("none", directory_.path().c_str(), "cgroup2", 0, nullptr) != 0) {
      throw std::system_error(errno, std::generic_category(), "mount cgroup2");
    }
  }
  ~PrivateMount() { umount2(directory_.path().c_str(), MNT_DETACH); }
  PrivateMount(const PrivateMount&) = delete;
  PrivateMount& operator=(const PrivateMount&) = delete;
  const std::string& path() const { return directory_.path(); }

 private:
  TempDirectory directory_;
};

std::string mounted_root() {
  const std::unique_ptr<FILE, int (*)(FILE*)> mounts(setmntent("/proc/self/mounts", "r"), endmntent);
  if (!mounts) return {};
  while (const mntent* entry = getmntent(mounts.get())) {
    if (std::strcmp(entry->mnt_type, "cgroup2") == 0 && access(entry->mnt_dir, W_OK) == 0) return entry->mnt_dir;
  }
  return {};
}

}  // namespace

const std::string& cgroup2_root() {
  static std::unique_ptr<PrivateMount> own;
  static const std::string root = [] {
    std::string found = mounted_root();
    if (!found.empty()) return found;
    own = std::make_unique<PrivateMount>();
    return own->path();
  }();
  return root;
}

ScratchCgroup::ScratchCgroup(const std::string& name, bool exact, const std::string& parent)
    : path_((parent.empty() ? cgroup2_root() : parent) + "/" + name + (exact ? "" : "-" + std::to_string(getpid()))) {
  if (mkdir(path_.c_str(), 0755) != 0) throw std::system_error(errno, std::generic_category(), "mkdir " + path_);
  struct stat about {};
  if (stat(path_.c_str(), &about) != 0) throw std::system_error(errno, std::generic_category(), "stat " + path_);
  id_ = about.st_ino;
}

ScratchCgroup::~ScratchCgroup() {
  std::ofstream(path_ + "/cgroup.kill") << "1";
  // A dead process leaves its cgroup a moment after its parent was told.
  for (int attempt = 0; rmdir(path_.c_str()) != 0 && errno == EBUSY && attempt < kRemoveAttempts; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace iris::test
