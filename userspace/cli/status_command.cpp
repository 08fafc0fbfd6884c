// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text_format.h"
#include "wire/json_writer.h"

namespace iris::cli {
namespace {

constexpr std::chrono::milliseconds kDefaultLook{1000};

class NullSink : public flow::RecordSink {
 public:
  void write(const flow::Record&) override {}
};

std::uint64_t all_map_bytes(const pipeline::TracerStatus& status) {
  return std::accumulate(status.map_bytes.begin(), status.map_bytes.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

std::string json_string(const std::string& text) {
  std::string out;
  wire::append_json_string(out, text);
  return out;
}

std::string json_string_or_null(const std::string& text) { return text.empty() ? "null" : json_string(text); }

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

void append_json(std::string& out, const pipeline::TracerStatus& status) {
  std::vector<std::string> programs;
  for (const auto& program : status.programs) {
    programs.push_back(fmt::format(
        R"({{"name":{},"attached":{},"detail":{},"verified_instructions":{},"run_count":{},"run_time_ns":{},"recursion_misses":{}}})",
        json_string(program.name), program.attached, json_string_or_null(program.detail), program.verified_instructions,
        program.run_count, program.run_time_ns, program.recursion_misses));
  }
  std::vector<std::string> maps;
  for (const auto& [name, bytes] : status.map_bytes) maps.push_back(fmt::format("{}:{}", json_string(name), bytes));
  std::vector<std::string> runtimes;
  for (const auto& runtime : status.runtimes) {
    runtimes.push_back(fmt::format(R"({{"runtime":{},"endpoint":{},"connected":{},"detail":{},"reconnects":{}}})",
                                   json_string(runtime.runtime), json_string(runtime.endpoint), runtime.connected,
                                   json_string_or_null(runtime.detail), runtime.reconnects));
  }
  std::string ledger;
  wire::JsonWriter().append(ledger, status.total);
  ledger.pop_back();  // its line feed
  out += fmt::format(
      R"({{"type":"status","kernel_release":{},"cgroup_mode":{},"cgroup_root":{},"attach_ms":{},"programs":[{}],"map_bytes":{{{}}},"map_bytes_total":{},"events_read":{},"wakeups":{},"runtimes":[{}],"ledger":{}}})",
      json_string(status.kernel_release), json_string(status.cgroup_mode), json_string(status.cgroup_root),
      status.attach_ms, joined(programs), joined(maps), all_map_bytes(status), status.events_read, status.wakeups,
      joined(runtimes), ledger);
  out += '\n';
}

/// The daemon's own part, behind the tracer's.
void append_json(std::string& out, const local::AgentStatus& agent) {
  std::string uplink = "null";
  if (agent.uplink) {
    uplink = fmt::format(R"({{"connected":{},"fault":{},"sent_batches":{},"acknowledged_sequence":{},"sent_bytes":{},"connections":{},"alerts":{},"malformed_alerts":{}}})",
                         agent.uplink->connected, json_string_or_null(agent.uplink->fault), agent.uplink->sent_batches,
                         agent.uplink->acknowledged_sequence, agent.uplink->sent_bytes, agent.uplink->connections,
                         agent.uplink->alerts, agent.uplink->malformed_alerts);
  }
  const bool tested = agent.self_test_fault.empty() && !agent.self_test.empty();
  const bool passed = tested && std::all_of(agent.self_test.begin(), agent.self_test.end(), [](const auto& step) { return step.passed; });
  std::vector<std::string> registries;
  for (const auto& one : agent.registries) {
    registries.push_back(fmt::format(
        R"({{"registry":{},"endpoint":{},"connected":{},"from_cache":{},"detail":{},"requests":{},"throttled":{},"skipped":{}}})",
        json_string(one.registry), json_string_or_null(one.endpoint), one.connected, one.from_cache,
        json_string_or_null(one.detail), one.requests, one.throttled, one.skipped));
  }
  std::vector<std::string> patterns;
  for (const auto& pattern : agent.patterns) patterns.push_back(json_string(pattern));
  out.resize(out.rfind('}'));  // inside the object that the tracer's status is
  out += fmt::format(
      R"(,"agent":{{"version":{},"window_ms":{},"self_test_passed":{},"spool":{{"epoch":{},"last_sequence":{},"oldest_sequence":{},"windows":{},"waiting_windows":{},"bytes":{},"dropped_windows":{},"failed_appends":{},"fault":{}}},"uplink":{},"queue":{{"waiting":{},"merged":{},"lost_windows":{}}},"registries":[{}],"devices":{},"patterns":[{}]}}}})",
      json_string(agent.version), agent.window.count(), passed, agent.spool.epoch, agent.spool.last_sequence,
      agent.spool.oldest_sequence, agent.spool.windows, agent.spool.waiting_windows, agent.spool.bytes, agent.spool.dropped_windows,
      agent.spool.failed_appends, json_string_or_null(agent.spool.fault), uplink, agent.queue_waiting, agent.queue_merged,
      agent.queue_lost_windows, joined(registries), agent.devices, joined(patterns));
  out += '\n';
}

void append_text(std::string& out, const local::AgentStatus& agent, const Terminal& terminal) {
  const auto line = [&](std::string_view key, std::string_view value, bool good) {
    out += fmt::format("{:<12}", key);
    append_colored(out, value, good ? Color::green : Color::red, terminal);
    out += '\n';
  };
  const auto missed = std::count_if(agent.self_test.begin(), agent.self_test.end(), [](const auto& step) { return !step.passed; });
  line("irisd", fmt::format("{}, windows of {}", printable(agent.version),
                            human_duration(static_cast<std::uint64_t>(agent.window.count()) * 1000, terminal)), true);
  line("self-test", !agent.self_test_fault.empty() ? printable(agent.self_test_fault)
                    : missed == 0                  ? std::string("passed")
                                                   : fmt::format("{} of {} missed", missed, agent.self_test.size()),
       agent.self_test_fault.empty() && missed == 0);
  line("spool", fmt::format("{} windows, {}{}{}", human_count(agent.spool.windows), human_bytes(agent.spool.bytes),
                            agent.spool.fault.empty() ? "" : ": ", printable(agent.spool.fault)),
       agent.spool.fault.empty());
  if (!agent.uplink) {
    line("uplink", "none: nothing is shipped", true);
  } else {
    line("uplink", agent.uplink->connected ? fmt::format("connected, {} acknowledged", human_count(agent.uplink->acknowledged_sequence))
                                           : "not connected: " + printable(agent.uplink->fault),
         agent.uplink->connected);
  }
  for (const auto& one : agent.registries) {
    line(&one == &agent.registries.front() ? "registries" : "",
         fmt::format("{} {}{}{}{}", printable(one.registry),
                     one.connected ? "well" : one.from_cache ? "not reached, known from before" : "not reached",
                     one.endpoint.empty() ? "" : " at ", printable(one.endpoint),
                     one.detail.empty() ? "" : ": " + printable(one.detail)),
         one.connected);
  }
  std::string patterns;
  for (const auto& pattern : agent.patterns) patterns += (patterns.empty() ? "; " : ", ") + printable(pattern);
  line("devices", human_count(agent.devices) + patterns, true);
}

void append_programs(std::string& out, const pipeline::TracerStatus& status, const Terminal& terminal) {
  Table table({{.title = "PROGRAM"},
               {.title = "ATTACHED"},
               {.title = "INSTRUCTIONS", .right = true, .drop_order = 1},
               {.title = "RUNS", .right = true},
               {.title = "NS A RUN", .right = true},
               {.title = "MISSED", .right = true, .drop_order = 2},
               {.title = "DETAIL"}},
              terminal);
  std::vector<Row> rows;
  for (const auto& program : status.programs) {
    rows.push_back({{printable(program.name), Color::none, true},
                    {program.attached ? "yes" : "no", program.attached ? Color::green : Color::red, true},
                    {human_count(program.verified_instructions), Color::none},
                    {program.run_count == 0 ? "-" : human_count(program.run_count), Color::none},
                    {program.run_count == 0 ? "-" : human_count(program.run_time_ns / program.run_count), Color::none},
                    {human_count(program.recursion_misses), program.recursion_misses == 0 ? Color::none : Color::red},
                    {printable(program.detail), Color::none, true}});
  }
  for (const auto& row : rows) table.measure(row);
  out += '\n';
  table.append_header(out);
  for (const auto& row : rows) table.append_row(out, row);
}

void append_text(std::string& out, const pipeline::TracerStatus& status, const Terminal& terminal) {
  const auto line = [&](std::string_view key, std::string_view value, Color color = Color::none) {
    out += fmt::format("{:<12}", key);
    append_colored(out, value, color, terminal);
    out += '\n';
  };
  const auto attached = std::count_if(status.programs.begin(), status.programs.end(),
                                      [](const pipeline::ProgramStatus& one) { return one.attached; });
  line("kernel", printable(status.kernel_release));
  line("cgroups", fmt::format("{} at {}", printable(status.cgroup_mode), printable(status.cgroup_root)));
  line("programs", fmt::format("{} of {} attached in {} ms", attached, status.programs.size(), status.attach_ms));
  line("maps", fmt::format("{} in {} maps", human_bytes(all_map_bytes(status)), status.map_bytes.size()));
  line("events", fmt::format("{} read in {} wake-ups", human_count(status.events_read), human_count(status.wakeups)));
  line("loss", ledger_words(status.total), lost(status.total) > 0 ? Color::red : Color::green);
  bool first = true;
  for (const auto& runtime : status.runtimes) {
    line(first ? "runtimes" : "",
         fmt::format("{} {} at {}{}{}", printable(runtime.runtime), runtime.connected ? "connected" : "not connected",
                     printable(runtime.endpoint), runtime.detail.empty() ? "" : ": ", printable(runtime.detail)),
         runtime.connected ? Color::green : Color::yellow);
    first = false;
  }
  if (first) line("runtimes", "none asked: containers are shown by id");
  append_programs(out, status, terminal);
}

}  // namespace

base::Result<void> show_status(const Options& options, const Backend& backend, Output& output) {
  auto session = Session::open(options.tracer, backend, output);
  if (!session) return tl::unexpected(session.error());
  NullSink nowhere;
  if (auto done = (*session)->run(nowhere, options.duration.value_or(kDefaultLook)); !done) return done;
  const auto status = (*session)->status();
  const auto* agent = (*session)->agent();
  const Terminal terminal = detect_terminal(output.fd());
  if (options.json) {
    append_json(output.buffer(), status);
    if (agent != nullptr) append_json(output.buffer(), *agent);
  } else {
    if (agent != nullptr) append_text(output.buffer(), *agent, terminal);
    append_text(output.buffer(), status, terminal);
  }
  return {};
}

base::Result<void> self_test(const Options& options, const Backend& backend, Output& output) {
  const auto steps = backend.self_test(options.tracer);
  if (!steps) return tl::unexpected(steps.error());
  const Terminal terminal = detect_terminal(output.fd());
  std::string& out = output.buffer();
  std::size_t failed = 0;
  for (const auto& step : *steps) {
    if (!step.passed) ++failed;
    if (options.json) {
      out += fmt::format(R"({{"type":"selftest","step":{},"passed":{},"detail":{}}})", json_string(step.name),
                         step.passed, json_string_or_null(step.detail));
    } else {
      append_colored(out, step.passed ? "seen  " : "MISSED", step.passed ? Color::green : Color::red, terminal);
      out += fmt::format("  {:<10} {}", printable(step.name), printable(step.detail));
      while (out.back() == ' ') out.pop_back();
    }
    out += '\n';
  }
  if (steps->empty()) return base::fail("the self-test made no step");
  if (failed > 0) return base::fail(fmt::format("{} of {} steps of the self-test failed", failed, steps->size()));
  if (!options.json) out += "ready\n";
  return {};
}

}  // namespace iris::cli
