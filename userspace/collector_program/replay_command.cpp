// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>

#include "analysis/alert_json.h"
#include "analysis/incident_file.h"
#include "base/unique_fd.h"
#include "collector_program/alert_text.h"
#include "collector_program/commands.h"
#include "detect/judge.h"
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

void print(const Options& options, const detect::Alert& alert, const std::string& device) {
  std::string line;
  analysis::append_alert(line, alert, device);
  fmt::print("{}", options.json ? line + "\n" : alert_text(line, false));
}

/// The alert of a file of `alert export`, judged again.
base::Result<void> replay_incident(const Options& options, const std::string& name, wire::ReadBytes in) {
  std::string bytes(analysis::kIncidentMagic);
  std::array<char, 65'536> block;
  for (;;) {
    const auto got = in(block.data(), block.size());
    if (!got) return base::with_context(name, got.error());
    if (*got == 0) break;
    bytes.append(block.data(), *got);
    if (bytes.size() > analysis::kMostIncidentBytes) return base::fail(name + ": too large for a file of `alert export`");
  }
  const auto incident = analysis::read_incident(bytes);
  if (!incident) return base::with_context(name, incident.error());
  const auto alert = analysis::reproduce(*incident);
  if (!alert) return base::with_context(name, alert.error());
  print(options, *alert, {});
  return {};
}

/// What was read to look at comes first again.
wire::ReadBytes with_begin(std::string begin, wire::ReadBytes rest) {
  return [begin = std::move(begin), rest = std::move(rest), at = std::size_t{0}](
             char* into, std::size_t size) mutable -> base::Result<std::size_t> {
    if (at == begin.size()) return rest(into, size);
    const std::size_t part = begin.copy(into, size, at);
    at += part;
    return part;
  };
}

base::Result<std::string> read_begin(const wire::ReadBytes& in, std::size_t size) {
  std::string begin(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const auto got = in(begin.data() + have, size - have);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) break;
    have += *got;
  }
  begin.resize(have);
  return begin;
}

}  // namespace

base::Result<void> run_replay_command(const Options& options) {
  base::UniqueFd file;
  if (options.file != "-") {
    file.reset(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return base::fail_errno("cannot open " + options.file, errno);
  }
  const std::string name = options.file == "-" ? "standard input" : options.file;
  const auto in = wire::read_from(file ? file.get() : 0);
  auto begin = read_begin(in, analysis::kIncidentMagic.size());
  if (!begin) return base::with_context(name, std::move(begin.error()));
  if (*begin == analysis::kIncidentMagic) return replay_incident(options, name, in);
  auto reader = wire::RecordFileReader::open(with_begin(std::move(*begin), in));
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
  for (const auto& alert : alerts) print(options, alert, replay.device_of(alert));
  if (!options.json && state) fmt::print(stderr, "{} alert{}\n", alerts.size(), alerts.size() == 1 ? "" : "s");
  if (std::fflush(stdout) != 0) return base::fail("cannot write to standard output");
  return state;
}

}  // namespace iris::collector
