// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/text_format.h"
#include "wire/alert_text.h"
#include "wire/json_alert.h"

namespace iris::cli {
namespace {

class NullSink : public flow::RecordSink {
 public:
  void write(const flow::Record&) override {}
};

struct Told {
  wire::AlertHead head;
  std::string json;
};

/// Why there are none, or why there may be newer ones; empty: all is well.
std::string missing(const local::AgentStatus* agent) {
  if (agent == nullptr) return {};
  if (!agent->uplink) return "irisd ships to no collector, which would find them";
  if (agent->uplink->connected) return {};
  std::string text = "irisd is not connected to its collector";
  if (!agent->uplink->fault.empty()) text += ": " + printable(agent->uplink->fault);
  return text;
}

void append_text(std::string& out, const std::string& json) {
  std::string text = wire::alert_text(json, false);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out += printable(std::string_view(text).substr(at, end - at));
    out += '\n';
    at = end + 1;
  }
}

}  // namespace

base::Result<void> show_alerts(const Options& options, const Backend& backend, Output& output) {
  auto session = Session::open(options.tracer, backend, output);
  if (!session) return tl::unexpected(session.error());
  NullSink nowhere;
  if (auto done = (*session)->run(nowhere, std::chrono::milliseconds(0)); !done) return done;
  std::vector<Told> alerts;
  for (auto& json : (*session)->alerts()) {
    auto head = wire::read_alert_head(json);
    if (!head) return base::fail("irisd gave " + head.error().message);
    alerts.push_back({std::move(*head), std::move(json)});
  }
  const auto milder = std::erase_if(alerts, [&](const Told& one) { return one.head.severity < options.min_severity; });
  // The latest first, as the collector lists them.
  std::stable_sort(alerts.begin(), alerts.end(),
                   [](const Told& a, const Told& b) { return a.head.last_wall_ns > b.head.last_wall_ns; });
  for (const auto& one : alerts) {
    if (options.json) {
      output.buffer() += one.json + '\n';
    } else {
      append_text(output.buffer(), one.json);
    }
    output.maybe_flush();
  }
  const auto why = missing((*session)->agent());
  if (milder > 0 && alerts.empty()) {
    complain(fmt::format("no alerts: none of severity {} or graver, {} below", options.min_severity, milder));
    if (!why.empty()) complain(why);
  } else if (alerts.empty()) {
    complain("no alerts: " + (why.empty() ? "the collector has told of none in the last 24 hours" : why));
  } else if (!why.empty()) {
    complain("there may be newer alerts: " + why);
  }
  return {};
}

}  // namespace iris::cli
