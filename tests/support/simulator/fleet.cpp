// SPDX-License-Identifier: Apache-2.0
#include "simulator/fleet.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>


namespace iris::simulator {
namespace {

using Clock = Plan::Clock;
using std::chrono::milliseconds;

constexpr milliseconds kRound{5};  // of turns, if it is not longer anyway
constexpr milliseconds kFirstBackoff{20};
constexpr milliseconds kLastBackoff{2'000};

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The uplink takes its token from a file, so each gateway gets one.
class TokenFiles {
 public:
  explicit TokenFiles(const std::vector<std::string>& tokens) {
    std::string name = (std::filesystem::temp_directory_path() / "iris-simulator-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    directory_ = name;
    for (std::size_t i = 0; i < tokens.size(); ++i) std::ofstream(path(i)) << tokens[i] << '\n';
  }
  ~TokenFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  TokenFiles(const TokenFiles&) = delete;
  TokenFiles& operator=(const TokenFiles&) = delete;
  std::filesystem::path path(std::size_t number) const { return directory_ / std::to_string(number); }

 private:
  std::filesystem::path directory_;
};

ship::UplinkOptions uplink_options(const FleetOptions& options, const std::filesystem::path& token_file) {
  ship::UplinkOptions uplink;
  uplink.target = options.target;
  uplink.insecure = options.ca_file.empty();
  uplink.ca_file = options.ca_file;
  uplink.server_name = options.server_name;
  uplink.token_file = token_file;
  uplink.agent_version = "simulator";
  uplink.min_backoff = kFirstBackoff;
  uplink.max_backoff = kLastBackoff;
  return uplink;
}

using Gateways = std::vector<std::unique_ptr<SimulatedGateway>>;

/// Turns for all, until all is acknowledged. Those that are done stay connected.
base::Result<void> take_turns(Gateways& gateways, Plan& plan, Clock::time_point end, const std::atomic<bool>& stop) {
  bool done = false;
  while (!done && !stop && Clock::now() < end) {
    const auto round = Clock::now();
    done = true;
    for (auto& gateway : gateways) {
      if (gateway->done() && plan.go) continue;
      done = false;
      if (auto stepped = gateway->step(); !stepped) return stepped;
    }
    if (!plan.go && plan.connected == gateways.size()) {
      plan.went = Clock::now();
      plan.go = true;
    }
    std::this_thread::sleep_until(round + kRound);
  }
  return {};
}

void add_up(FleetReport& report, const Gateways& gateways, std::size_t summaries) {
  report.complete = true;
  std::uint64_t batches = 0;
  for (const auto& gateway : gateways) {
    report.complete = report.complete && gateway->done();
    report.connections += gateway->connections();
    report.sent_batches += gateway->sent_batches();
    report.acknowledged_batches += gateway->acknowledged();
    batches += gateway->newly_acknowledged();
    report.sent_bytes += gateway->sent_bytes();
    if (report.fault.empty()) report.fault = gateway->fault();
    report.truth.add(gateway->truth());
  }
  if (report.seconds > 0) report.summaries_per_second = static_cast<double>(batches * summaries) / report.seconds;
}

}  // namespace

base::Result<FleetReport> play(const FleetOptions& options, const std::atomic<bool>& stop) {
  const TokenFiles tokens(options.tokens);
  Plan plan;
  plan.traffic = options.traffic;
  plan.batches = options.batches;
  plan.reconnecting = options.reconnecting;
  if (options.rate > 0) {
    const std::chrono::duration<double> interval(static_cast<double>(options.tokens.size()) / options.rate);
    plan.batch_interval = std::chrono::duration_cast<std::chrono::nanoseconds>(interval);
  }
  Gateways gateways;
  for (std::size_t i = 0; i < options.tokens.size(); ++i) {
    gateways.push_back(std::make_unique<SimulatedGateway>(plan, uplink_options(options, tokens.path(i)), i));
  }

  const auto began = Clock::now();
  if (auto played = take_turns(gateways, plan, began + options.limit, stop); !played) {
    return tl::unexpected(std::move(played.error()));
  }
  FleetReport report;
  const auto ended = Clock::now();
  report.cpu_seconds = cpu_seconds();
  report.gateways = gateways.size();
  report.connected = plan.connected;
  report.connecting_seconds = seconds_between(began, plan.go ? plan.went : ended);
  report.seconds = plan.go ? seconds_between(plan.went, ended) : 0;
  add_up(report, gateways, options.traffic.summaries);
  return report;
}

std::string FleetReport::json() const {
  const nlohmann::ordered_json line{
      {"complete", complete},
      {"gateways", gateways},
      {"connected", connected},
      {"connections", connections},
      {"batches_sent", sent_batches},
      {"batches_acknowledged", acknowledged_batches},
      {"summaries_acknowledged", truth.summaries},
      {"connecting_seconds", connecting_seconds},
      {"seconds", seconds},
      {"summaries_per_second", summaries_per_second},
      {"cpu_seconds", cpu_seconds},
      {"encoded_bytes", sent_bytes},
      {"truth",
       {{"opened", truth.opened},
        {"established", truth.established},
        {"closed", truth.closed},
        {"failed", truth.failed},
        {"originator_bytes", truth.originator_bytes},
        {"responder_bytes", truth.responder_bytes},
        {"originator_packets", truth.originator_packets},
        {"responder_packets", truth.responder_packets},
        {"retransmits", truth.retransmits}}},
      {"fault", fault}};
  return line.dump();
}

}  // namespace iris::simulator
