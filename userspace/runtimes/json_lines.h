// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace iris::runtimes {

/// Cuts a stream that comes in arbitrary pieces into lines. A line longer than
/// the bound is dropped whole and counted.
class JsonLines {
 public:
  explicit JsonLines(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  template <typename OnLine>
  void feed(std::string_view piece, OnLine&& on_line) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      append(piece.substr(0, end));
      if (end == std::string_view::npos) return;
      piece.remove_prefix(end + 1);
      if (!too_long_ && !line_.empty()) on_line(std::string_view(line_));
      dropped_ += too_long_ ? 1 : 0;
      too_long_ = false;
      line_.clear();
    }
  }

  std::uint64_t dropped() const { return dropped_; }

 private:
  void append(std::string_view text) {
    if (too_long_ || line_.size() + text.size() > max_line_bytes_) {
      too_long_ = true;
      line_ = std::string();
      return;
    }
    line_ += text;
  }

  std::size_t max_line_bytes_;
  std::string line_;
  bool too_long_ = false;
  std::uint64_t dropped_ = 0;
};

}  // namespace iris::runtimes
