// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

namespace iris::testing {

/// A cgroup of its own below `root`, and children that run in it.
class ScratchCgroup {
 public:
  ScratchCgroup(const std::string& root, const std::string& name)
      : path_(root + "/iris-test-" + std::to_string(getpid()) + "-" + name) {
    if (mkdir(path_.c_str(), 0755) != 0) throw std::runtime_error("cannot create " + path_);
  }
  ~ScratchCgroup() {
    // The last child may still be on its way out of the cgroup.
    for (int tries = 0; rmdir(path_.c_str()) != 0 && tries < 100; ++tries) usleep(10'000);
  }
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;

  std::uint64_t id() const {
    struct stat info {};
    return stat(path_.c_str(), &info) == 0 ? info.st_ino : 0;
  }

  /// Runs `body` in a child inside this cgroup; its wait status.
  int run(const std::function<int()>& body) const {
    const pid_t child = fork();
    if (child == 0) {
      std::ofstream procs(path_ + "/cgroup.procs");
      procs << getpid() << std::flush;
      _exit(procs ? body() : 99);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status;
  }

 private:
  std::string path_;
};

}  // namespace iris::testing
