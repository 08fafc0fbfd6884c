// SPDX-License-Identifier: Apache-2.0
// iris-simulator: plays thousands of gateways against one collector, each with a
// connection, an epoch and a token of its own. It prints what it has sent, and what
// was acknowledged, as one JSON object on stdout.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "simulator/fleet.h"

namespace {

using namespace iris;

std::atomic<bool> stop_asked{false};

extern "C" void ask_stop(int) { stop_asked = true; }

struct Options {
  simulator::FleetOptions fleet;
  std::string tokens_file;
  std::size_t gateways = 0;
};

std::uint64_t now_wall_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

Options read_options(CLI::App& app, int argc, char** argv) {
  Options options;
  auto& fleet = options.fleet;
  long limit = fleet.limit.count();
  app.add_option("--target", fleet.target, "host:port or unix:PATH of the collector")->required();
  app.add_option("--tokens", options.tokens_file, "Token of one gateway a line, behind its name and a blank if it has one")
      ->required()->check(CLI::ExistingFile);
  app.add_option("--ca-file", fleet.ca_file, "Authority of the collector's certificate; without: plain text");
  app.add_option("--server-name", fleet.server_name, "Name in the certificate, if it is not the host of --target");
  app.add_option("--gateways", options.gateways, "How many, of the tokens; default: all");
  app.add_option("--batches", fleet.batches, "A gateway")->capture_default_str();
  app.add_option("--summaries", fleet.traffic.summaries, "A batch")->capture_default_str();
  app.add_option("--rate", fleet.rate, "Batches a second, of all together; 0: as fast as it goes")->capture_default_str();
  app.add_option("--reconnect", fleet.reconnecting, "Part of the gateways that hang up half way, and come back")
      ->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--seed", fleet.traffic.seed, "Of all that is sent")->capture_default_str();
  // Much older windows would be rolled up by the collector, which is other work.
  fleet.traffic.start_wall_ns = now_wall_ns();
  app.add_option("--start", fleet.traffic.start_wall_ns, "Of the first window, ns since 1970; default: now");
  app.add_option("--limit", limit, "Seconds after which it gives up")->capture_default_str();
  app.parse(argc, argv);
  fleet.limit = std::chrono::seconds(limit);
  return options;
}

std::vector<std::string> read_tokens(const std::string& path) {
  std::vector<std::string> tokens;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string token;
    for (std::string word; words >> word;) token = word;
    if (!token.empty()) tokens.push_back(token);
  }
  return tokens;
}

/// A socket a gateway, and some.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Plays gateways against a collector."};
  Options options;
  try {
    options = read_options(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto& tokens = options.fleet.tokens = read_tokens(options.tokens_file);
  if (options.gateways > tokens.size()) {
    fmt::print(stderr, "iris-simulator: {} gateways, but {} tokens\n", options.gateways, tokens.size());
    return 2;
  }
  if (options.gateways > 0) tokens.resize(options.gateways);
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGINT, ask_stop);
  std::signal(SIGTERM, ask_stop);

  const auto report = simulator::play(options.fleet, stop_asked);
  if (!report) {
    fmt::print(stderr, "iris-simulator: {}\n", report.error().message);
    return 1;
  }
  fmt::print("{}\n", report->json());
  return report->complete ? 0 : 1;
}
