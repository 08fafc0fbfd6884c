// SPDX-License-Identifier: Apache-2.0
// What a collector takes in: iris-collector and 2,000 simulated gateways together on
// this machine, over TLS, each batch committed (synchronous=FULL) and acknowledged.
// The first of two runs fills the dictionaries; the second is measured.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/unique_fd.h"
#include "simulator/collector_process.h"

namespace {

using namespace iris;
using nlohmann::json;

struct Options {
  std::size_t gateways = 2000;
  std::uint64_t batches = 30;
  std::size_t summaries = 20;
  std::string directory;  // of the store; empty: the temporary one
};

/// Of one thread of a process, in seconds.
struct ThreadTimes {
  double running = 0;
  double runnable = 0;  // but another had the processor
};

struct ProcessTimes {
  double user = 0;
  double system = 0;
  double written_mb = 0;  // that reached the disk
  std::map<std::string, ThreadTimes> threads;
};

ProcessTimes times_of(pid_t pid) {
  ProcessTimes times;
  const std::string base = "/proc/" + std::to_string(pid);
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string stat = test::read_text(base + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  fields >> times.user >> times.system;
  times.user /= tick;
  times.system /= tick;
  std::istringstream io(test::read_text(base + "/io"));
  for (std::string name, value; io >> name >> value;) {
    if (name == "write_bytes:") times.written_mb = std::stod(value) / 1e6;
  }
  for (const auto& task : std::filesystem::directory_iterator(base + "/task")) {
    std::istringstream schedstat(test::read_text(task.path().string() + "/schedstat"));
    double running = 0, runnable = 0;
    schedstat >> running >> runnable;
    times.threads[task.path().filename()] = {running / 1e9, runnable / 1e9};
  }
  return times;
}

/// Time of one flush of 64 KiB, where the store lies: the median of several.
double flush_ms(const std::string& directory) {
  const std::string path = directory + "/flush";
  const base::UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string block(64 << 10, 'x');
  std::vector<double> times;
  for (int i = 0; i < 31; ++i) {
    if (write(file.get(), block.data(), block.size()) < 0) return 0;
    const auto begin = std::chrono::steady_clock::now();
    fdatasync(file.get());
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::filesystem::remove(path);
  std::nth_element(times.begin(), times.begin() + 15, times.end());
  return times[15];
}

json play(const test::CollectorProcess& collector, const Options& options, std::uint64_t batches) {
  test::Child simulator({IRIS_SIMULATOR_PATH, "--target", collector.target(), "--tokens", collector.tokens(), "--ca-file",
                         collector.certificate(), "--batches", std::to_string(batches), "--summaries",
                         std::to_string(options.summaries), "--limit", "600"},
                        test::Place{});
  simulator.wait(std::chrono::seconds(700));
  if (simulator.out().empty()) throw std::runtime_error(simulator.err());
  return json::parse(simulator.out());
}

void run(const Options& options) {
  const test::TempDirectory temporary;
  const std::string directory = options.directory.empty() ? temporary.path() : options.directory;
  const double flush = flush_ms(directory);
  test::CollectorProcess collector(IRIS_COLLECTOR_PATH, directory, options.gateways);
  const auto start = times_of(collector.pid());
  const json connecting = play(collector, options, 1);
  const auto before = times_of(collector.pid());
  const json report = play(collector, options, options.batches + 1);
  const auto after = times_of(collector.pid());
  if (!report.at("complete").get<bool>()) throw std::runtime_error("not complete: " + report.dump());

  const double seconds = report.at("seconds");
  const double whole = seconds + report.at("connecting_seconds").get<double>();
  const double summaries = static_cast<double>(options.gateways * options.batches * options.summaries);
  const double system = after.system - before.system;
  const double collecting = after.user - before.user + system;
  const double simulating = report.at("cpu_seconds");
  // What the first run took was nearly all connecting.
  const double collecting_us = (collecting - (before.user + before.system - start.user - start.system)) / summaries * 1e6;
  const double simulating_us = (simulating - connecting.at("cpu_seconds").get<double>()) / summaries * 1e6;
  const unsigned processors = std::thread::hardware_concurrency();
  fmt::print("{} gateways, {} batches each of {} summaries: {:.0f} summaries\n", options.gateways, options.batches,
             options.summaries, summaries);
  fmt::print("summaries a second                  {:10.0f}\n", report.at("summaries_per_second").get<double>());
  fmt::print("sending and committing, s           {:10.2f}\n", seconds);
  fmt::print("connecting before that, s           {:10.2f}\n", report.at("connecting_seconds").get<double>());
  fmt::print("encoded bytes a summary             {:10.1f}\n", report.at("encoded_bytes").get<double>() / summaries);
  fmt::print("written to the disk, bytes a summary{:10.1f}\n", (after.written_mb - before.written_mb) * 1e6 / summaries);
  fmt::print("one flush of 64 KiB, ms             {:10.2f}\n", flush);
  fmt::print("peak memory of the collector, MiB   {:10.1f}\n", static_cast<double>(collector.peak_kib()) / 1024);
  fmt::print("CPU a summary, us: collector {:.1f}, simulator {:.1f}; {} processors of which nobody else takes any "
             "are full at {:.0f} a second\n",
             collecting_us, simulating_us, processors, processors * 1e6 / (collecting_us + simulating_us));
  fmt::print("processors, of {}: collector {:.2f} ({:.2f} in the kernel), simulator {:.2f}; connecting included\n",
             processors, collecting / whole, system / whole, simulating / whole);
  fmt::print("threads of the collector, part of the time: running / waiting for a processor / asleep\n");
  std::vector<std::pair<double, std::string>> lines;
  for (const auto& [task, times] : after.threads) {
    const auto found = before.threads.find(task);
    const ThreadTimes earlier = found == before.threads.end() ? ThreadTimes{} : found->second;
    const double running = (times.running - earlier.running) / whole;
    const double runnable = (times.runnable - earlier.runnable) / whole;
    std::string name = test::read_text("/proc/" + std::to_string(collector.pid()) + "/task/" + task + "/comm");
    if (!name.empty()) name.pop_back();
    lines.emplace_back(running, fmt::format("  {:<20}{:6.2f} /{:6.2f} /{:6.2f}", name, running, runnable,
                                            std::max(0.0, 1 - running - runnable)));
  }
  std::sort(lines.rbegin(), lines.rend());
  for (std::size_t i = 0; i < std::min<std::size_t>(4, lines.size()); ++i) fmt::print("{}\n", lines[i].second);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Summaries a second that a collector commits."};
  Options options;
  app.add_option("--gateways", options.gateways)->capture_default_str();
  app.add_option("--batches", options.batches, "A gateway")->capture_default_str();
  app.add_option("--summaries", options.summaries, "A batch")->capture_default_str();
  app.add_option("--directory", options.directory, "An empty one, for the store")->check(CLI::ExistingDirectory);
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ingest_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
