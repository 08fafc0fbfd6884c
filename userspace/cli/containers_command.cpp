// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands.h"
#include "cli/printers.h"
#include "cli/record_rows.h"
#include "cli/text_format.h"
#include "cli/stop_signals.h"

namespace iris::cli {
namespace {

class NullSink : public flow::RecordSink {
 public:
  void write(const flow::Record&) override {}
};

/// Runtimes answer within milliseconds when they answer at all; one that hangs
/// is not waited for.
constexpr std::chrono::milliseconds kStep{100};
constexpr int kMostSteps = 20;

bool all_named(const std::vector<flow::ContainerRecord>& containers) {
  return std::all_of(containers.begin(), containers.end(), [](const flow::ContainerRecord& container) {
    return container.owner && !container.owner->name.empty() && !container.owner->image.empty();
  });
}

}  // namespace

base::Result<void> show_containers(const Options& options, const Backend& backend, Output& output) {
  auto session = Session::open(options.tracer, backend, output);
  if (!session) return tl::unexpected(session.error());
  NullSink nowhere;
  for (int step = 0; step < kMostSteps && !StopSignals::requested(); ++step) {
    if (auto done = (*session)->run(nowhere, kStep); !done) return done;
    if (all_named((*session)->containers())) break;
  }

  auto containers = (*session)->containers();
  std::sort(containers.begin(), containers.end(), [](const flow::ContainerRecord& a, const flow::ContainerRecord& b) {
    return owner_name(a.owner) < owner_name(b.owner);
  });
  std::erase_if(containers, [&options](const flow::ContainerRecord& one) {
    return !options.filter.matches(flow::Record{one});
  });
  if (options.json) {
    auto printer = make_json_printer(output);
    for (const auto& container : containers) printer->write(container);
    return {};
  }
  if (containers.empty()) {
    complain("no containers");
    return {};
  }
  Terminal terminal = detect_terminal(output.fd());
  if (options.wide) terminal.width = 0;
  Table table(container_columns(options.wide), terminal);
  for (const auto& container : containers) table.measure(container_row(container, options.wide));
  table.append_header(output.buffer());
  for (const auto& container : containers) table.append_row(output.buffer(), container_row(container, options.wide));
  return {};
}

}  // namespace iris::cli
