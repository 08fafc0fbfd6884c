// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/options.h"
#include "cli/output.h"
#include "cli/trace_source.h"

namespace iris::cli {

/// Carries out one command: results to `output`, words about it to standard
/// error. Gives the exit code.
int run_command(const Options& options, const Backend& backend, Output& output);
/// The exit code that goes with an error.
int exit_code_of(base::Error::Kind kind);

/// The pieces, one a file.
base::Result<void> trace(const Options& options, const Backend& backend, Output& output);
base::Result<void> record(const Options& options, const Backend& backend, Output& output);
base::Result<void> replay(const Options& options, Output& output);
base::Result<void> show_containers(const Options& options, const Backend& backend, Output& output);
base::Result<void> show_devices(const Options& options, const Backend& backend, Output& output);
base::Result<void> show_alerts(const Options& options, const Backend& backend, Output& output);
base::Result<void> show_status(const Options& options, const Backend& backend, Output& output);
base::Result<void> self_test(const Options& options, const Backend& backend, Output& output);

/// Printer for these options on this output.
std::unique_ptr<flow::RecordSink> make_printer(const Options& options, Output& output);
/// True when these options make a command end after one window.
bool ends_after_one_window(const Options& options, const Output& output);
/// "iris-trace: message" on standard error.
void complain(const std::string& message);

/// An opened tracer that signals and a failing output stop, while it lives.
class Session {
 public:
  static base::Result<Session> open(const pipeline::TracerOptions& options, const Backend& backend, Output& output);
  ~Session();
  Session(Session&&) = default;
  TraceSource* operator->() const { return source_.get(); }

 private:
  Session(std::unique_ptr<TraceSource> source, Output& output);
  std::unique_ptr<TraceSource> source_;
  Output* output_;
};

}  // namespace iris::cli
