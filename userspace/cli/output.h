// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace iris::cli {

/// Standard output, fully buffered: written at flush() and when a block is
/// full. After a failure everything more is thrown away and `on_failure` has
/// been called once, so that the tracer stops.
class Output {
 public:
  explicit Output(int fd, std::function<void()> on_failure = {});

  /// Append here, then call maybe_flush().
  std::string& buffer() { return buffer_; }
  void append(std::string_view text);
  void maybe_flush();
  void flush();

  /// Whoever read our output has gone; nothing to complain about.
  bool closed() const { return closed_; }
  /// errno of a failed write; 0: none.
  int error() const { return error_; }
  void set_on_failure(std::function<void()> on_failure) { on_failure_ = std::move(on_failure); }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::function<void()> on_failure_;
  std::string buffer_;
  bool closed_ = false;
  int error_ = 0;
};

}  // namespace iris::cli
