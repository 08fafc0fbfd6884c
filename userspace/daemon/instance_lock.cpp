// SPDX-License-Identifier: Apache-2.0
#include "daemon/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

namespace iris::daemon {

base::Result<InstanceLock> InstanceLock::take(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) {
    const auto kind = errno == EACCES ? base::Error::Kind::permission : base::Error::Kind::failed;
    return base::fail_errno("cannot open " + path, errno, kind);
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail_errno("cannot lock " + path, errno);
    std::array<char, 32> holder{};
    const ssize_t length = read(fd.get(), holder.data(), holder.size() - 1);
    std::string pid(holder.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    return base::fail("irisd runs already" + (pid.empty() ? std::string() : ", as process " + pid) + " (it holds " + path + ")");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) != 0 || write(fd.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
    return base::fail_errno("cannot write " + path, errno);
  }
  return InstanceLock(std::move(fd));
}

}  // namespace iris::daemon
