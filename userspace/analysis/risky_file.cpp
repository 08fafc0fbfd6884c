// SPDX-License-Identifier: Apache-2.0
#include "analysis/risky_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"

namespace iris::analysis {
namespace {

constexpr std::size_t kMostBytes = 16U << 20;

}  // namespace

base::Result<std::optional<detect::RiskyList>> RiskyFile::read_if_changed() {
  if (path_.empty()) return std::nullopt;
  const base::UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat now {};
  if (!file || ::fstat(file.get(), &now) != 0) {
    const int error = errno;
    const std::string state = fmt::format("error {}", error);
    if (seen_ == state) return std::nullopt;
    seen_ = state;
    return base::fail_errno("risky list " + path_, error);
  }
  const std::string state = fmt::format("{} {} {} {}.{}", now.st_dev, now.st_ino, now.st_size, now.st_mtim.tv_sec, now.st_mtim.tv_nsec);
  if (seen_ == state) return std::nullopt;
  seen_ = state;
  if (!S_ISREG(now.st_mode)) return base::fail("risky list " + path_ + " is no file");
  std::string text;
  std::array<char, 65'536> block;
  for (;;) {
    const auto got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno("risky list " + path_, errno);
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > kMostBytes) return base::fail("risky list " + path_ + " is larger than 16 MiB");
  }
  auto list = detect::RiskyList::parse(text);
  if (!list) return base::with_context("risky list " + path_, std::move(list.error()));
  return std::move(*list);
}

}  // namespace iris::analysis
