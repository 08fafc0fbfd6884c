// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace iris::cli {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The locale's code set by the names of the variables alone: loading locale
/// data would cost more memory than the question is worth.
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    for (const char* mark : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (value.find(mark) != std::string_view::npos) return true;
    }
    return false;
  }
  return false;
}

const char* sequence(Color color) {
  switch (color) {
    case Color::bold: return "\x1b[1m";
    case Color::dim: return "\x1b[2m";
    case Color::red: return "\x1b[31m";
    case Color::green: return "\x1b[32m";
    case Color::yellow: return "\x1b[33m";
    case Color::cyan: return "\x1b[36m";
    case Color::none: break;
  }
  return "";
}

}  // namespace

Terminal detect_terminal(int fd) {
  Terminal terminal;
  terminal.utf8 = locale_is_utf8();
  terminal.is_terminal = isatty(fd) == 1;
  if (!terminal.is_terminal) return terminal;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
    terminal.width = size.ws_col;
    terminal.height = size.ws_row;
  }
  terminal.color = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  return terminal;
}

void color_tail(std::string& out, std::size_t start, Color color, const Terminal& terminal) {
  if (!terminal.color || color == Color::none || start == out.size()) return;
  out.insert(start, sequence(color));
  out += "\x1b[0m";
}

void append_colored(std::string& out, std::string_view text, Color color, const Terminal& terminal) {
  const std::size_t start = out.size();
  out += text;
  color_tail(out, start, color, terminal);
}

}  // namespace iris::cli
