// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "cli/stop_signals.h"

namespace iris::cli {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;

}  // namespace

Output::Output(int fd, std::function<void()> on_failure) : fd_(fd), on_failure_(std::move(on_failure)) {
  buffer_.reserve(kBlockBytes + 4096);
}

void Output::append(std::string_view text) {
  buffer_ += text;
  maybe_flush();
}

void Output::maybe_flush() {
  if (buffer_.size() >= kBlockBytes) flush();
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !closed_ && error_ == 0) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    // A reader that stopped reading must not keep Ctrl-C from ending us.
    if (errno == EINTR && !StopSignals::requested()) continue;
    if (errno == EPIPE || errno == EINTR) {
      closed_ = true;
    } else {
      error_ = errno;
    }
    if (on_failure_) on_failure_();
  }
  buffer_.clear();
}

}  // namespace iris::cli
