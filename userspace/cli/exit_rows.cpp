// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/record_rows.h"
#include "cli/text_format.h"

namespace iris::cli {
namespace {

Color color_of(flow::ExitClass exit_class) {
  switch (exit_class) {
    case flow::ExitClass::clean: return Color::green;
    case flow::ExitClass::error: return Color::yellow;
    default: return Color::red;
  }
}

/// "SIGKILL by dockerd (pid 812, docker.service), main process".
std::string how(const flow::ExitRecord& exit) {
  std::string text = exit.signal == 0 ? fmt::format("exit code {}", exit.exit_code) : flow::signal_name(exit.signal);
  if (exit.killed_by) {
    const auto& killer = *exit.killed_by;
    text += fmt::format(" by {}", killer.process.empty() ? "a process" : printable(killer.process));
    if (killer.pid != 0 && killer.owner) {
      text += fmt::format(" (pid {}, {})", killer.pid, owner_name(killer.owner));
    } else if (killer.pid != 0) {
      text += fmt::format(" (pid {})", killer.pid);
    }
  }
  if (exit.oom_killed) text += ", out of memory";
  if (exit.core_dumped) text += ", core dumped";
  if (exit.main_process) text += ", main process";
  return text;
}

}  // namespace

std::vector<Column> exit_columns(bool wide) {
  return {{.title = "TIME", .typical = 8},
          {.title = "OWNER", .shortest = 8, .longest = wide ? 0U : 24U, .typical = 14},
          {.title = "PROCESS", .shortest = 8, .longest = wide ? 0U : 40U, .typical = 15},
          {.title = "PID", .right = true, .drop_order = 2, .typical = 7},
          {.title = "CLASS", .typical = 6},
          {.title = "RAN", .right = true, .drop_order = 1, .typical = 9},
          {.title = "HOW", .longest = 16}};
}

Row exit_row(const flow::ExitRecord& exit, const Terminal& terminal) {
  const bool ran_known = exit.started_wall_ns != 0 && exit.started_wall_ns <= exit.wall_ns;
  return {{clock_time(exit.wall_ns, false), Color::dim, true},
          {owner_name(exit.owner), Color::cyan},
          {exit.process.empty() ? "-" : printable(exit.process), Color::none},
          {exit.pid == 0 ? "-" : std::to_string(exit.pid), Color::none},
          {flow::to_string(exit.exit_class), color_of(exit.exit_class), true},
          {ran_known ? human_duration((exit.wall_ns - exit.started_wall_ns) / 1000, terminal) : "-", Color::none, true},
          {how(exit), Color::none, true}};
}

std::string stack_lines(const flow::ExitRecord& exit) {
  std::string text;
  if (!exit.stack) return text;
  for (std::size_t i = 0; i < exit.stack->size(); ++i) {
    const auto& frame = (*exit.stack)[i];
    text += fmt::format("      #{:<2} ", i);
    if (!frame.symbol.empty()) text += printable(frame.symbol) + "  ";
    if (!frame.module.empty()) text += printable(frame.module);
    text += fmt::format("{}{:#x}", frame.module.empty() ? "" : "+", frame.offset);
    if (!frame.build_id.empty()) text += fmt::format("  (build id {})", printable(frame.build_id));
    text += '\n';
  }
  return text;
}

}  // namespace iris::cli
