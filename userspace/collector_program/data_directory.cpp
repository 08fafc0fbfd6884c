// SPDX-License-Identifier: Apache-2.0
#include "collector_program/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "collector/ingest_server.h"
#include "rpc/pem_file.h"

namespace iris::collector {
namespace {

base::Error::Kind kind_of(int error_number) {
  return error_number == EACCES || error_number == EPERM || error_number == EROFS ? base::Error::Kind::permission
                                                                                  : base::Error::Kind::failed;
}

base::Result<void> write_all(int fd, const std::string& content, const std::string& path) {
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t written = write(fd, content.data() + done, content.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::fail_errno("cannot write " + path, errno);
    done += static_cast<std::size_t>(written);
  }
  if (fsync(fd) != 0) return base::fail_errno("cannot write " + path, errno);
  return {};
}

std::string holder_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t length = pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid;
}

}  // namespace

base::Result<void> make_data_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory.parent_path(), error);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return base::fail_errno("cannot make the data directory " + directory.string(), errno, kind_of(errno));
  }
  if (access(directory.c_str(), W_OK | X_OK) != 0) {
    return base::fail_errno("the data directory " + directory.string() + " cannot be written", errno, kind_of(errno));
  }
  return {};
}

base::Result<void> write_private_file(const std::filesystem::path& path, const std::string& content) {
  const std::string temporary = path.string() + ".new";
  unlink(temporary.c_str());
  const base::UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return base::fail_errno("cannot make " + temporary, errno, kind_of(errno));
  auto written = write_all(fd.get(), content, temporary);
  if (written && rename(temporary.c_str(), path.c_str()) != 0) {
    written = base::fail_errno("cannot make " + path.string(), errno, kind_of(errno));
  }
  if (!written) unlink(temporary.c_str());
  return written;
}

base::Result<ApiToken> api_token(const std::filesystem::path& directory) {
  ApiToken result{"", directory / "api-token", false};
  if (std::filesystem::exists(result.path)) {
    auto text = rpc::read_small_file(result.path);
    if (!text) return tl::unexpected(std::move(text.error()));
    result.token = text->substr(0, text->find_first_of("\r\n"));
    if (result.token.empty()) return base::fail(result.path.string() + " holds no token; remove it, and one will be made");
    return result;
  }
  result.token = new_token();
  result.made = true;
  if (auto written = write_private_file(result.path, result.token + "\n"); !written) {
    return tl::unexpected(std::move(written.error()));
  }
  return result;
}

base::Result<StoreLock> StoreLock::take(const std::filesystem::path& store_file) {
  const std::string path = store_file.string() + ".lock";
  base::UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return base::fail_errno("cannot open " + path, errno, kind_of(errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::fail_errno("cannot lock " + path, errno);
    const auto pid = holder_of(fd.get());
    return base::fail("another iris-collector serves this store already" +
                      (pid.empty() ? std::string() : ", process " + pid) + " (it holds " + path + ")");
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) != 0) return base::fail_errno("cannot write " + path, errno);
  if (auto written = write_all(fd.get(), pid, path); !written) return tl::unexpected(std::move(written.error()));
  return StoreLock(std::move(fd));
}

}  // namespace iris::collector
