// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace iris::cli {

enum class Color { none, bold, dim, red, green, yellow, cyan };

/// What the output can show.
struct Terminal {
  bool is_terminal = false;
  std::size_t width = 0;   // columns; 0: no limit
  std::size_t height = 0;  // lines; 0: no limit
  bool color = false;
  bool utf8 = true;

  const char* right_arrow() const { return utf8 ? "→" : "->"; }
  const char* left_arrow() const { return utf8 ? "←" : "<-"; }
  const char* ellipsis() const { return utf8 ? "…" : "~"; }
  const char* micro() const { return utf8 ? "µs" : "us"; }
};

/// Asks the descriptor and the environment (NO_COLOR, TERM, locale).
Terminal detect_terminal(int fd);

/// Puts what stands in `out` from `start` on into `color`, where colours are shown.
void color_tail(std::string& out, std::size_t start, Color color, const Terminal& terminal);
/// `text` in `color`, or as it is where colours are not shown.
void append_colored(std::string& out, std::string_view text, Color color, const Terminal& terminal);

}  // namespace iris::cli
