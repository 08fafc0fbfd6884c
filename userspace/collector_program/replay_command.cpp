// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>

#include "base/rfc3339.h"
#include "base/unique_fd.h"
#include "collector_program/commands.h"
#include "detect/judge.h"
#include "rest/alert_json.h"
#include "wire/json_writer.h"
#include "wire/record_file.h"

namespace iris::collector {
namespace {

/// A recording through the detectors. Alerts as they stand at its end.
class Replay {
 public:
  explicit Replay(std::string gateway) : gateway_(std::move(gateway)) {}

  void take(const flow::Record& record) {
    if (std::holds_alternative<flow::SocketEvent>(record)) return;  // the flows tell the same
    if (const auto* change = std::get_if<flow::DeviceRecord>(&record)) {
      std::string& text = devices_[change->device.id];
      text.clear();
      wire::append_device(text, change->device);
    }
    judge_.add(gateway_, record);
    if (const auto* ledger = std::get_if<flow::Ledger>(&record)) {
      judge_.end_window(gateway_, ledger->window_end_wall_ns);
      gather();
    }
  }

  std::vector<detect::Alert> finish() {
    gather();
    std::vector<detect::Alert> all;
    for (auto& [id, alert] : alerts_) all.push_back(std::move(alert));
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.wall_ns < b.wall_ns; });
    return all;
  }

  std::string device_of(const detect::Alert& alert) const {
    const auto found = devices_.find(alert.device);
    return found == devices_.end() ? std::string() : found->second;
  }

 private:
  void gather() {
    for (auto& alert : judge_.take_alerts()) alerts_.insert_or_assign(alert.id, std::move(alert));
  }

  std::string gateway_;
  detect::Judge judge_;
  std::map<std::string, detect::Alert> alerts_;
  std::map<std::string, std::string> devices_;  // id: DEVICE
};

void print_text(const detect::Alert& alert) {
  fmt::print("{}  {:<11}  {:<20}  {}{}{}\n    {}\n", base::format_rfc3339(alert.wall_ns / 1'000'000'000 * 1'000'000'000),
             detect::to_string(alert.severity), detect::to_string(alert.alert_class), alert.subject,
             alert.peer.empty() ? "" : " -> ", alert.peer, alert.summary);
}

}  // namespace

base::Result<void> run_replay_command(const Options& options) {
  base::UniqueFd file;
  if (options.file != "-") {
    file.reset(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return base::fail_errno("cannot open " + options.file, errno);
  }
  const std::string name = options.file == "-" ? "standard input" : options.file;
  auto reader = wire::RecordFileReader::open(wire::read_from(file ? file.get() : 0));
  if (!reader) return base::with_context(name, std::move(reader.error()));
  Replay replay(reader->header().host_name);
  base::Result<void> state;
  while (true) {
    auto record = reader->next();
    if (!record) state = base::with_context(name, std::move(record.error()));  // what came before is judged
    if (!record || !*record) break;
    replay.take(**record);
  }
  const auto alerts = replay.finish();
  for (const auto& alert : alerts) {
    if (!options.json) {
      print_text(alert);
      continue;
    }
    std::string line;
    rest::append_alert(line, alert, replay.device_of(alert));
    fmt::print("{}\n", line);
  }
  if (!options.json && state) fmt::print(stderr, "{} alert{}\n", alerts.size(), alerts.size() == 1 ? "" : "s");
  if (std::fflush(stdout) != 0) return base::fail("cannot write to standard output");
  return state;
}

}  // namespace iris::collector
