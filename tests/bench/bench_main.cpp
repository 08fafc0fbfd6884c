// SPDX-License-Identifier: Apache-2.0
// iris-bench: the same load under several tracers in turn, and what each costs.
// Started by tests/bench/run, in a network namespace of its own.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <regex>
#include <set>

#include "bpf_account.h"
#include "child.h"
#include "empty_tracer.h"
#include "report.h"
#include "workload.h"

namespace iris::bench {
namespace {

constexpr double kStartSeconds = 20;    // python-based tracers may take ten
constexpr double kSettledSeconds = 0.7; // nothing new for so long: attached
constexpr double kDrainSeconds = 20;    // for a reader that lags behind

struct Options {
  std::string iris_trace = "iris-trace", iris_load = "iris-load", peers, scripts, cgroup2_root = "/sys/fs/cgroup";
  std::vector<std::string> only;
  std::string json_file;
  unsigned rounds = 3;
  double window_seconds = 2;
  WorkloadSize size;
};

struct Tracer {
  std::string name;
  std::set<Phase> phases;
  std::function<std::unique_ptr<Child>()> start;  // none: nothing runs
};

std::vector<Tracer> tracers(const Options& options) {
  const std::set<Phase> all(std::begin(kPhases), std::end(kPhases));
  const auto command = [](std::vector<std::string> arguments) {
    return [arguments] { return std::make_unique<Child>(arguments, Output::null); };
  };
  // Tools of a newer Debian come with their own C library and its loader.
  const auto peer = [&](const std::string& tool) {
    return command({options.peers + "/ld.so", "--library-path", options.peers + "/lib", options.peers + "/bin/" + tool});
  };
  const std::string window = std::to_string(options.window_seconds);
  return {
      {"none", all, {}},
      {"empty", all, [root = options.cgroup2_root] { return std::make_unique<Child>([root] { run_empty_tracer(root); }); }},
      {"iris flows", all, command({options.iris_trace, "flows", "--json", "--window", window})},
      {"iris events", {Phase::tcp, Phase::udp, Phase::bulk}, command({options.iris_trace, "events", "--json"})},
      {"iris exits", {Phase::exits}, command({options.iris_trace, "exits", "--json"})},
      {"bpftrace", {Phase::tcp, Phase::bulk}, command({"bpftrace", options.scripts + "/tcplife.bt"})},
      {"bcc tcplife", {Phase::tcp, Phase::bulk}, peer("tcplife-libbpf")},
      {"bcc exitsnoop", {Phase::exits}, peer("exitsnoop-libbpf")},
  };
}

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t ns = 0;
};

Totals totals(pid_t pid) {
  Totals sum;
  for (const auto& [id, figures] : program_figures(bpf_held_by(pid).programs)) {
    sum.runs += figures.runs;
    sum.ns += figures.run_time_ns;
  }
  return sum;
}

// Attached: programs have run, and neither a program nor a link has been added
// for a while. The time is that of the last addition.
std::optional<double> wait_attached(Child& tracer, Workload& workload) {
  const double start = now_seconds();
  double last_change = start;
  std::size_t held_before = 0;
  for (double now = start; now < start + kStartSeconds; now = now_seconds()) {
    if (!tracer.running()) return std::nullopt;
    const BpfHoldings held = bpf_held_by(tracer.pid());
    if (const std::size_t count = held.programs.size() + held.links.size(); count > held_before) {
      held_before = count;
      last_change = now;
    }
    if (held_before > 0 && now > last_change + kSettledSeconds) {
      workload.touch();
      if (totals(tracer.pid()).runs > 0) return (last_change - start) * 1000;
    }
    usleep(2000);
  }
  return std::nullopt;
}

// The reader may still be at work after the load has ended; wait until it rests.
void drain(Child& tracer, double at_least) {
  const double start = now_seconds();
  double busy_before = tracer.cpu_seconds();
  double rest_since = start;
  while (now_seconds() < start + kDrainSeconds) {
    usleep(50'000);
    const double busy = tracer.cpu_seconds();
    if (busy - busy_before > 0.002) rest_since = now_seconds();
    busy_before = busy;
    if (now_seconds() > std::max(start + at_least, rest_since + 0.3)) return;
  }
}

void measure(Phase phase, Child* tracer, Workload& workload, double drain_at_least, Sample& sample) {
  const std::string prefix = std::string(to_string(phase)) + "_";
  const Totals before = tracer != nullptr ? totals(tracer->pid()) : Totals{};
  const double reader_before = tracer != nullptr ? tracer->cpu_seconds() : 0;
  const std::uint64_t switches_before = tracer != nullptr ? tracer->voluntary_switches() : 0;
  const std::uint64_t forks_before = forks_so_far();
  const PhaseTruth truth = workload.run(phase);
  // Exits of anybody count in the programs' time, so they count here too.
  const auto units = static_cast<double>(phase == Phase::exits ? std::max(truth.units, forks_so_far() - forks_before) : truth.units);
  auto& figures = sample.figures;
  figures[prefix + "rate"] = static_cast<double>(truth.units) / truth.seconds;
  figures[prefix + "load_us"] = truth.load_cpu_seconds * 1e6 / static_cast<double>(truth.units);
  if (tracer == nullptr) return;

  const Totals after = totals(tracer->pid());
  figures[prefix + "wakeups"] = static_cast<double>(tracer->voluntary_switches() - switches_before) / truth.seconds;
  figures[prefix + "ns"] = static_cast<double>(after.ns - before.ns) / units;
  figures[prefix + "runs"] = static_cast<double>(after.runs - before.runs) / units;
  figures[prefix + "share"] = static_cast<double>(after.ns - before.ns) / 1e7 / truth.load_cpu_seconds;
  drain(*tracer, drain_at_least);
  figures[prefix + "reader"] = (tracer->cpu_seconds() - reader_before) * 1e6 / units;
}

// "Lost 12 events", "lost 3 events on CPU #1", "1,234 lost": the sum of what it
// says. The peers are silent when nothing was lost; ours says "complete", and if
// it says neither then nothing is known.
std::optional<double> lost_in(const std::string& words, bool silence_is_none) {
  static const std::regex kLost(R"(lost[: =]+([\d,]+)|([\d,]+) (?:records? |events? )?(?:were |was )?lost)", std::regex::icase);
  bool said = silence_is_none || words.find("complete") != std::string::npos;
  double sum = 0;
  for (std::sregex_iterator it(words.begin(), words.end(), kLost), end; it != end; ++it) {
    std::string digits = (*it)[1].matched ? (*it)[1].str() : (*it)[2].str();
    std::erase(digits, ',');
    if (digits.empty()) continue;
    sum += std::stod(digits);
    said = true;
  }
  return said ? std::optional(sum) : std::nullopt;
}

std::string tail(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n");
  if (end == std::string::npos) return "";
  return text.substr(end > 400 ? end - 400 : 0, std::min<std::size_t>(end + 1, 401));
}

Sample run_once(const Tracer& tracer, Workload& workload, const Options& options, std::vector<ProgramFigures>& programs) {
  Sample sample;
  if (!tracer.start) {
    for (const Phase phase : tracer.phases) measure(phase, nullptr, workload, 0, sample);
    return sample;
  }
  const std::unique_ptr<Child> child = tracer.start();
  const auto attach_ms = wait_attached(*child, workload);
  if (!attach_ms) {
    child->stop(SIGINT, 3);
    sample.failure = "it did not attach: " + tail(child->errors());
    return sample;
  }
  sample.figures["attach_ms"] = *attach_ms;
  const double at_least = tracer.name == "iris flows" ? options.window_seconds * 1.2 : 0;
  for (const Phase phase : tracer.phases) measure(phase, child.get(), workload, at_least, sample);

  if (!child->running()) {
    sample.figures.clear();
    sample.failure = "it died under load: " + tail(child->errors());
    return sample;
  }
  const BpfHoldings held = bpf_held_by(child->pid());
  sample.figures["map_mib"] = static_cast<double>(map_bytes(held)) / (1 << 20);
  sample.figures["peak_rss_mib"] = static_cast<double>(child->status_kib("VmHWM")) / 1024;
  sample.figures["rss_mib"] = static_cast<double>(child->status_kib("VmRSS")) / 1024;
  programs.clear();
  for (const auto& [id, figures] : program_figures(held.programs)) programs.push_back(figures);
  const bool by_itself = child->stop(SIGINT, 10);
  sample.last_words = tail(child->errors()) + (by_itself ? "" : " (had to be killed)");
  if (tracer.name == "empty") {
    sample.figures.erase("peak_rss_mib");  // a fork of this program: its memory is ours
    sample.figures.erase("rss_mib");
  } else if (const auto lost = lost_in(child->errors(), !tracer.name.starts_with("iris"))) {
    sample.figures["lost"] = *lost;
  }
  return sample;
}

int run(const Options& options) {
  const RunTimeStatistics statistics;
  Workload workload(options.iris_load, options.size);
  std::vector<Tracer> chosen = tracers(options);
  std::erase_if(chosen, [&](const Tracer& tracer) {
    return !options.only.empty() && tracer.name != "none" &&
           std::none_of(options.only.begin(), options.only.end(), [&](const std::string& word) {
             return tracer.name.find(word == "tracer" ? "iris" : word) != std::string::npos;
           });
  });
  std::vector<TracerResult> results;
  for (const Tracer& tracer : chosen) results.push_back({tracer.name, {}, {}});

  for (unsigned round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const std::size_t turn = (i + round) % chosen.size();  // nobody always follows the same neighbour
      std::cerr << "round " << round + 1 << " of " << options.rounds << ": " << chosen[turn].name << "\n";
      results[turn].rounds.push_back(run_once(chosen[turn], workload, options, results[turn].programs));
    }
  }
  std::cout << to_text(results);
  if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    file << to_json(results);
    if (!file) throw std::runtime_error("cannot write " + options.json_file);
  }
  return 0;
}

}  // namespace
}  // namespace iris::bench

int main(int argc, char** argv) {
  using namespace iris::bench;
  Options options;
  CLI::App app{"Runs the same load under several tracers in turn and prints what each costs."};
  app.add_option("--rounds", options.rounds, "interleaved rounds; medians are printed")->check(CLI::Range(1, 100));
  app.add_option("--connections", options.size.connections, "TCP connections a run");
  app.add_option("--exits", options.size.exits, "process exits a run");
  app.add_option("--pairs", options.size.pairs, "UDP pairs a run");
  app.add_option("--bulk-bytes", options.size.bulk_bytes, "bytes of the bulk transfer");
  app.add_option("--payload", options.size.payload_bytes, "bytes each way on every TCP connection");
  app.add_option("--window", options.window_seconds, "window of `iris-trace flows`, seconds");
  app.add_option("--only", options.only, "names of tracers, comma-separated; \"tracer\" is every row of ours")->delimiter(',');
  app.add_option("--json", options.json_file, "write every sample to this file");
  app.add_option("--iris-trace", options.iris_trace);
  app.add_option("--iris-load", options.iris_load);
  app.add_option("--peers", options.peers, "folder with ld.so, lib and bin of the bcc tools");
  app.add_option("--scripts", options.scripts, "folder with tcplife.bt");
  app.add_option("--cgroup2-root", options.cgroup2_root);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << "iris-bench: " << error.what() << "\n";
    return 1;
  }
}
