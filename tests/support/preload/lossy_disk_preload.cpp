// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: notes each change of the files in IRIS_TEST_DISK_DIRECTORY down in
// IRIS_TEST_DISK_LOG, so that LossyDisk can lose after a kill what was not synced.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "preload/lossy_disk_record.h"

namespace {

using iris::test::DiskRecord;

constexpr useconds_t kSyncMicroseconds = 30'000;

template <typename Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

class Log {
 public:
  static Log& get() {
    static Log log;
    return log;
  }

  std::mutex& mutex() { return mutex_; }

  /// Path of the file when it is one of those that lose; else empty.
  std::string path_of(int fd) const {
    if (fd_ < 0) return {};
    char path[PATH_MAX];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = readlink(link.c_str(), path, sizeof path);
    const std::string_view found(path, size > 0 ? static_cast<std::size_t>(size) : 0);
    const bool ours = found.starts_with(directory_) && (found.ends_with(".db") || found.ends_with("-wal"));
    return ours ? std::string(found) : std::string();
  }

  void note(DiskRecord record, const std::string& path, std::string_view old_bytes, std::string_view new_bytes) const {
    record.path_bytes = static_cast<std::uint32_t>(path.size());
    record.old_bytes = static_cast<std::uint32_t>(old_bytes.size());
    record.new_bytes = static_cast<std::uint32_t>(new_bytes.size());
    const auto part = [](const void* from, std::size_t size) { return iovec{const_cast<void*>(from), size}; };
    const iovec parts[] = {part(&record, sizeof record), part(path.data(), path.size()),
                           part(old_bytes.data(), old_bytes.size()), part(new_bytes.data(), new_bytes.size())};
    if (writev(fd_, parts, 4) < 0) std::abort();  // else the disk would be too good
  }

 private:
  Log() : directory_(variable("IRIS_TEST_DISK_DIRECTORY") + "/") {
    const std::string path = variable("IRIS_TEST_DISK_LOG");
    if (!path.empty()) fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }

  std::mutex mutex_;  // the order of the notes is that of the changes
  std::string directory_;
  int fd_ = -1;
};

std::uint64_t size_of(int fd) {
  struct stat about {};
  return fstat(fd, &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
}

std::string content(int fd, off64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = pread64(fd, bytes.data(), size, offset);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

template <typename Sync>
int sync_with(Sync next, int fd) {
  const std::string path = Log::get().path_of(fd);
  if (path.empty()) return next(fd);
  usleep(kSyncMicroseconds);
  const std::lock_guard lock(Log::get().mutex());
  const int result = next(fd);
  DiskRecord record;
  record.kind = DiskRecord::kSync;
  if (result == 0) Log::get().note(record, path, {}, {});
  return result;
}

}  // namespace

extern "C" {

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  static const auto next = next_of<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  const std::string path = Log::get().path_of(fd);
  if (path.empty()) return next(fd, bytes, size, offset);
  const std::lock_guard lock(Log::get().mutex());
  DiskRecord record;
  record.offset = static_cast<std::uint64_t>(offset);
  record.old_size = size_of(fd);
  Log::get().note(record, path, content(fd, offset, size), {static_cast<const char*>(bytes), size});
  return next(fd, bytes, size, offset);
}

int ftruncate64(int fd, off64_t size) noexcept {
  static const auto next = next_of<int (*)(int, off64_t)>("ftruncate64");
  const std::string path = Log::get().path_of(fd);
  if (path.empty()) return next(fd, size);
  const std::lock_guard lock(Log::get().mutex());
  DiskRecord record;
  record.kind = DiskRecord::kTruncate;
  record.offset = static_cast<std::uint64_t>(size);
  record.old_size = size_of(fd);
  const std::uint64_t lost = record.old_size > record.offset ? record.old_size - record.offset : 0;
  Log::get().note(record, path, content(fd, size, lost), {});
  return next(fd, size);
}

int fsync(int fd) {
  static const auto next = next_of<int (*)(int)>("fsync");
  return sync_with(next, fd);
}

int fdatasync(int fd) {
  static const auto next = next_of<int (*)(int)>("fdatasync");
  return sync_with(next, fd);
}

}  // extern "C"
