// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>

#include "cli/printers.h"
#include "cli/stop_signals.h"

namespace iris::cli {
namespace {

/// Lines of a screen that a table leaves free for its header and the closing lines.
constexpr std::size_t kScreenReserve = 6;
constexpr std::size_t kFewestRows = 10;

base::Result<void> dispatch(const Options& options, const Backend& backend, Output& output) {
  switch (options.command) {
    case Command::flows:
    case Command::events:
    case Command::exits: return trace(options, backend, output);
    case Command::containers: return show_containers(options, backend, output);
    case Command::devices: return show_devices(options, backend, output);
    case Command::alerts: return show_alerts(options, backend, output);
    case Command::status: return show_status(options, backend, output);
    case Command::selftest: return self_test(options, backend, output);
    case Command::record: return record(options, backend, output);
    case Command::replay: return replay(options, output);
  }
  return base::fail("no such command", base::Error::Kind::usage);
}

}  // namespace

int exit_code_of(base::Error::Kind kind) {
  switch (kind) {
    case base::Error::Kind::usage: return 2;
    case base::Error::Kind::permission:
    case base::Error::Kind::unsupported: return 3;
    case base::Error::Kind::failed: break;
  }
  return 1;
}

void complain(const std::string& message) { fmt::print(stderr, "iris-trace: {}\n", message); }

std::unique_ptr<flow::RecordSink> make_printer(const Options& options, Output& output) {
  if (options.json) return make_json_printer(output);
  TextStyle style;
  style.terminal = detect_terminal(output.fd());
  style.wide = options.wide;
  style.flow_windows = options.selection.flows;
  if (options.wide) style.terminal.width = 0;
  if (options.top) {
    style.top = *options.top;
  } else if (options.command == Command::flows && style.terminal.height > 0 && !options.once) {
    style.top = std::max(kFewestRows, style.terminal.height - std::min(style.terminal.height, kScreenReserve));
  }
  return make_text_printer(output, style);
}

base::Result<Session> Session::open(const pipeline::TracerOptions& options, const Backend& backend, Output& output) {
  auto source = backend.open(options);
  if (!source) return tl::unexpected(source.error());
  return Session(std::move(*source), output);
}

Session::Session(std::unique_ptr<TraceSource> source, Output& output) : source_(std::move(source)), output_(&output) {
  output.set_on_failure([target = source_.get()] { target->request_stop(); });
  StopSignals::set_target(source_.get());
}

Session::~Session() {
  if (!source_) return;  // moved from
  StopSignals::set_target(nullptr);
  output_->set_on_failure({});
}

int run_command(const Options& options, const Backend& backend, Output& output) {
  const StopSignals signals;
  const auto done = dispatch(options, backend, output);
  output.flush();
  // What the command could not do weighs more than who no longer listens.
  if (!done) {
    complain(done.error().message);
    return exit_code_of(done.error().kind);
  }
  if (output.error() != 0) {
    complain(fmt::format("cannot write the output: {}", std::strerror(output.error())));
    return 1;
  }
  return 0;
}

}  // namespace iris::cli
