// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands.h"
#include "cli/printers.h"
#include "cli/record_rows.h"

namespace iris::cli {
namespace {

class NullSink : public flow::RecordSink {
 public:
  void write(const flow::Record&) override {}
};

}  // namespace

base::Result<void> show_devices(const Options& options, const Backend& backend, Output& output) {
  auto session = Session::open(options.tracer, backend, output);
  if (!session) return tl::unexpected(session.error());
  NullSink nowhere;
  if (auto done = (*session)->run(nowhere, std::chrono::milliseconds(0)); !done) return done;
  auto devices = (*session)->devices();
  std::erase_if(devices, [&options](const flow::DeviceRecord& one) { return !options.filter.matches(one); });
  // Below its parent, as the ids have it.
  std::sort(devices.begin(), devices.end(),
            [](const auto& a, const auto& b) { return a.device.id < b.device.id; });
  if (options.json) {
    auto printer = make_json_printer(output);
    for (const auto& one : devices) printer->write(one);
    return {};
  }
  if (devices.empty()) {
    complain("no devices: irisd knows of none, 'iris-trace status' says whom it asks");
    return {};
  }
  Terminal terminal = detect_terminal(output.fd());
  if (options.wide) terminal.width = 0;
  Table table(device_columns(options.wide), terminal);
  for (const auto& one : devices) table.measure(device_row(one.device, options.wide));
  table.append_header(output.buffer());
  for (const auto& one : devices) table.append_row(output.buffer(), device_row(one.device, options.wide));
  return {};
}

}  // namespace iris::cli
