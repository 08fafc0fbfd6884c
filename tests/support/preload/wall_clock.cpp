// SPDX-License-Identifier: Apache-2.0
#include "preload/wall_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace iris::test {

WallClock::WallClock(std::string file) : file_(std::move(file)) { shift(shift_); }

void WallClock::shift(std::chrono::nanoseconds from_ours) {
  const std::int64_t shift = from_ours.count();
  const int fd = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::pwrite(fd, &shift, sizeof shift, 0) == ssize_t{sizeof shift};
  if (fd >= 0) ::close(fd);
  if (!written) throw std::system_error(errno, std::generic_category(), "writing " + file_);
  shift_ = from_ours;
}

Variables WallClock::variables() const {
  return {{"LD_PRELOAD", IRIS_SHIFTED_CLOCK}, {"IRIS_TEST_CLOCK_SHIFT", file_}};
}

}  // namespace iris::test
