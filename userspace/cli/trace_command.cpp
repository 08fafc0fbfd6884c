// SPDX-License-Identifier: Apache-2.0
// flows, events and exits: the tracer's records, selected and printed.
#include "cli/commands.h"
#include "cli/printers.h"

namespace iris::cli {

bool ends_after_one_window(const Options& options, const Output& output) {
  if (options.once) return true;
  // A table that scrolls by is for eyes and a stream of JSON for programs; text in a pipe wants an end.
  return options.command == Command::flows && !options.follow && !options.duration && !options.json &&
         !detect_terminal(output.fd()).is_terminal;
}

base::Result<void> trace(const Options& options, const Backend& backend, Output& output) {
  auto printer = make_printer(options, output);
  SelectingSink sink(*printer, options.selection, options.filter);
  auto session = Session::open(options.tracer, backend, output);
  if (!session) return tl::unexpected(session.error());
  complain("attached");  // scripts wait for it before they make traffic

  auto duration = options.duration;
  if (ends_after_one_window(options, output)) duration = options.tracer.window;

  auto done = (*session)->run(sink, duration);
  sink.flush();
  if (!done) return done;
  if (!output.closed()) complain(summary(sink.totals()));
  return {};
}

}  // namespace iris::cli
