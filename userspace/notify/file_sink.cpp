// SPDX-License-Identifier: Apache-2.0
#include "notify/file_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace iris::notify {
namespace {

constexpr mode_t kMode = 0640;

/// A write that was cut off, by a full disk or a power cut, has left half a line.
bool ends_in_half_a_line(int fd, off_t size) {
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

bool FileSink::moved_away() const {
  struct stat ours {};
  struct stat there {};
  if (::fstat(fd_.get(), &ours) != 0 || ::stat(path_.c_str(), &there) != 0) return true;
  return ours.st_dev != there.st_dev || ours.st_ino != there.st_ino;
}

base::Result<void> FileSink::open() {
  // Should it be a pipe, do not wait for who reads it.
  base::UniqueFd fd(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, kMode));
  if (!fd) return base::fail_errno("cannot open " + path_, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return base::fail_errno("cannot look at " + path_, errno);
  if (!S_ISREG(status.st_mode)) return base::fail(path_ + " is no regular file");
  fd_ = std::move(fd);
  return {};
}

base::Result<void> FileSink::append(const std::string& line) {
  struct stat before {};
  if (::fstat(fd_.get(), &before) != 0) return base::fail_errno("cannot look at " + path_, errno);
  const bool half = ends_in_half_a_line(fd_.get(), before.st_size);
  const std::string bytes = half ? "\n" + line : line;
  const auto written = ::write(fd_.get(), bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  if (written < 0) return base::fail_errno("cannot write to " + path_, errno);
  // The beginning must not stay: the whole line comes again. Should that fail, the next
  // line begins on a line of its own.
  struct stat after {};
  const bool only_ours = ::fstat(fd_.get(), &after) == 0 && after.st_size == before.st_size + written;
  if (only_ours && ::ftruncate(fd_.get(), before.st_size) != 0) return base::fail_errno("cannot write to " + path_, errno);
  return base::fail("cannot write to " + path_ + ": no room for a whole line");
}

base::Result<void> FileSink::deliver(const Notice& notice) {
  if (notice.json.find('\n') != std::string::npos) {
    return base::fail("the alert is more than one line", base::Error::Kind::usage);
  }
  if (!fd_ || moved_away()) {
    fd_.reset();
    if (auto opened = open(); !opened) return opened;
  }
  auto appended = append(notice.json + "\n");
  if (!appended) fd_.reset();
  return appended;
}

}  // namespace iris::notify
