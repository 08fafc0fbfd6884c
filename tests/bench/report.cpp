// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace iris::bench {
namespace {

struct Column {
  const char* figure;
  const char* title;
  const char* unit;
  int decimals;
};

constexpr Column kColumns[] = {
    {"tcp_ns", "programs, per TCP connection", "ns", 0},
    {"tcp_runs", "program runs, per TCP connection", "", 1},
    {"tcp_rate", "TCP connections", "/s", 0},
    {"tcp_load_us", "load's own CPU, per TCP connection", "us", 1},
    {"tcp_reader", "reader CPU, per million connections", "s", 3},
    {"tcp_wakeups", "reader wake-ups", "/s", 0},
    {"exits_ns", "programs, per exit", "ns", 0},
    {"exits_reader", "reader CPU, per million exits", "s", 3},
    {"udp_ns", "programs, per UDP send/receive", "ns", 0},
    {"udp_load_us", "load's own CPU, per UDP send/receive", "us", 2},
    {"bulk_share", "programs in bulk TCP, of load's CPU", "%", 2},
    {"bulk_ns", "programs, per MiB of bulk TCP", "ns", 0},
    {"attach_ms", "start to attached", "ms", 0},
    {"peak_rss_mib", "peak RSS", "MiB", 1},
    {"rss_mib", "RSS at the end", "MiB", 1},
    {"map_mib", "maps", "MiB", 1},
    {"lost", "lost, by its own word", "", 0},
};

struct Target {
  const char* tracer;
  const char* figure;
  double most;
  const char* text;
};

// Issue 2, "Speed and memory".
constexpr Target kTargets[] = {
    {"iris flows", "tcp_ns", 3000, "programs per TCP connection, at most 3,000 ns"},
    {"iris flows", "tcp_reader", 0.1, "reader with summaries, at most 0.1 CPU s per million connections"},
    {"iris flows", "tcp_wakeups", 10, "reader wake-ups with summaries, at most 10 a second"},
    {"iris events", "tcp_reader", 2, "reader with every event, at most 2 CPU s per million connections"},
    {"iris events", "tcp_wakeups", 120, "reader wake-ups with events, at most 120 a second"},
    {"iris events", "lost", 0, "nothing lost at the highest rate"},
    {"iris exits", "exits_ns", 2500, "programs per exit, at most 2,500 ns"},
    {"iris flows", "udp_ns", 350, "programs per UDP send/receive, at most 350 ns"},
    {"iris flows", "bulk_share", 1, "bulk TCP, at most 1 % of the load's CPU"},
    {"iris flows", "peak_rss_mib", 16, "peak RSS, at most 16 MiB"},
    {"iris flows", "map_mib", 16, "maps, at most 16 MiB"},
    {"iris flows", "attach_ms", 1000, "attached within 1,000 ms"},
};

struct Ratio {
  const char* ours;
  const char* figure;
  const char* peer;
};

constexpr Ratio kRatios[] = {
    {"iris flows", "tcp_ns", "bcc tcplife"},       {"iris flows", "tcp_ns", "bpftrace"},
    {"iris flows", "tcp_reader", "bcc tcplife"},   {"iris events", "tcp_reader", "bcc tcplife"},
    {"iris events", "tcp_reader", "bpftrace"},     {"iris exits", "exits_ns", "bcc exitsnoop"},
    {"iris flows", "peak_rss_mib", "bpftrace"},
};

const TracerResult* find(const std::vector<TracerResult>& results, const std::string& name) {
  const auto found = std::find_if(results.begin(), results.end(), [&](const auto& result) { return result.name == name; });
  return found == results.end() ? nullptr : &*found;
}

std::optional<double> figure_of(const std::vector<TracerResult>& results, const std::string& name, const char* figure) {
  const TracerResult* result = find(results, name);
  return result == nullptr ? std::nullopt : result->median(figure);
}

std::string main_table(const std::vector<TracerResult>& results) {
  std::string text = fmt::format("{:<40}", "median");
  for (const TracerResult& result : results) text += fmt::format("{:>14}", result.name);
  text += "\n";
  for (const Column& column : kColumns) {
    text += fmt::format("{:<40}", *column.unit != '\0' ? fmt::format("{}, {}", column.title, column.unit) : column.title);
    for (const TracerResult& result : results) {
      const auto value = result.median(column.figure);
      text += value ? fmt::format("{:>14.{}f}", *value, column.decimals) : fmt::format("{:>14}", "-");
    }
    text += "\n";
  }
  return text;
}

// Differences to the run without a tracer within the same round: the part of
// the price that the kernel's statistics do not show.
std::string difference_table(const std::vector<TracerResult>& results) {
  const TracerResult* none = find(results, "none");
  if (none == nullptr) return {};
  std::string text;
  for (const char* figure : {"tcp_load_us", "udp_load_us"}) {
    for (const TracerResult& result : results) {
      TracerResult difference{"", {}, {}};
      for (std::size_t i = 0; i < std::min(result.rounds.size(), none->rounds.size()); ++i) {
        const auto& with = result.rounds[i].figures;
        const auto& without = none->rounds[i].figures;
        if (with.contains(figure) && without.contains(figure)) {
          difference.rounds.push_back({{{figure, with.at(figure) - without.at(figure)}}, "", ""});
        }
      }
      const auto value = difference.median(figure);
      if (&result != none && value) text += fmt::format("  {:<14} {:<12} {:+8.2f} us\n", result.name, figure, *value);
    }
  }
  return text;
}

}  // namespace

std::optional<double> TracerResult::median(const std::string& figure) const {
  std::vector<double> values;
  for (const Sample& sample : rounds) {
    if (const auto found = sample.figures.find(figure); found != sample.figures.end()) values.push_back(found->second);
  }
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string to_text(const std::vector<TracerResult>& results) {
  std::string text = main_table(results);
  for (const TracerResult& result : results) {
    for (const Sample& sample : result.rounds) {
      if (sample.failure.empty()) continue;
      text += fmt::format("\n{} was NOT measured: {}\n", result.name, sample.failure);
      break;
    }
  }
  text += "\nLoad's own CPU, more than without a tracer (median of differences within a round)\n" + difference_table(results);

  text += "\nRatios in this run\n";
  for (const Ratio& ratio : kRatios) {
    const auto ours = figure_of(results, ratio.ours, ratio.figure);
    const auto theirs = figure_of(results, ratio.peer, ratio.figure);
    if (ours && theirs && *theirs > 0) {
      text += fmt::format("  {:<12} {:<14} {:6.1f} % of {}\n", ratio.ours, ratio.figure, *ours / *theirs * 100, ratio.peer);
    }
  }
  text += "\nTargets\n";
  for (const Target& target : kTargets) {
    const auto value = figure_of(results, target.tracer, target.figure);
    text += fmt::format("  {:<82} {}\n", fmt::format("{}: {}", target.tracer, target.text),
                        value ? fmt::format("{:>12.3f}  {}", *value, *value <= target.most ? "met" : "MISSED") : "           -  not measured");
  }
  for (const TracerResult& result : results) {
    if (!result.name.starts_with("iris") || result.programs.empty()) continue;
    text += fmt::format("\nPrograms of {} (whole run)\n  {:<18}{:>22}{:>12}{:>10}\n", result.name, "name", "verified instructions",
                        "runs", "ns a run");
    for (const ProgramFigures& program : result.programs) {
      text += fmt::format("  {:<18}{:>22}{:>12}{:>10.0f}\n", program.name, program.verified_instructions, program.runs,
                          program.runs == 0 ? 0.0 : static_cast<double>(program.run_time_ns) / static_cast<double>(program.runs));
    }
  }
  for (const TracerResult& result : results) {
    if (!result.rounds.empty() && !result.rounds.back().last_words.empty()) {
      text += fmt::format("\nLast words of {}: {}\n", result.name, result.rounds.back().last_words);
    }
  }
  return text;
}

std::string to_json(const std::vector<TracerResult>& results) {
  nlohmann::ordered_json json;
  for (const TracerResult& result : results) {
    auto& entry = json[result.name];
    entry["rounds"] = nlohmann::ordered_json::array();
    for (const Sample& sample : result.rounds) {
      nlohmann::ordered_json one = sample.figures;
      if (!sample.failure.empty()) one["failure"] = sample.failure;
      entry["rounds"].push_back(std::move(one));
    }
    entry["programs"] = nlohmann::ordered_json::array();
    for (const ProgramFigures& program : result.programs) {
      entry["programs"].push_back({{"name", program.name},
                                   {"verified_instructions", program.verified_instructions},
                                   {"runs", program.runs},
                                   {"run_time_ns", program.run_time_ns}});
    }
  }
  return json.dump(2) + "\n";
}

}  // namespace iris::bench
