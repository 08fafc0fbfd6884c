// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "collector_program/commands.h"

namespace {

using namespace iris;
using namespace iris::collector;

int exit_code_of(base::Error::Kind kind) {
  switch (kind) {
    case base::Error::Kind::usage: return 2;
    case base::Error::Kind::permission:
    case base::Error::Kind::unsupported: return 3;
    case base::Error::Kind::failed: break;
  }
  return 1;
}

ConfigReading read(const Options& options) {
  const auto environment = collector_environment();
  std::string path = options.config_path;
  if (const auto named = environment.find("IRIS_COLLECTOR_CONFIG"); path.empty() && named != environment.end()) {
    path = named->second;
  }
  const bool must_exist = !path.empty();
  return read_config(must_exist ? path : kConfigPath, must_exist, environment, options.flags);
}

int ended(const base::Result<void>& done) {
  if (done) return 0;
  fmt::print(stderr, "iris-collector: {}\n", done.error().message);
  return exit_code_of(done.error().kind);
}

int run(const Options& options) {
  if (options.command == Options::Command::replay) return ended(run_replay_command(options));
  const auto reading = read(options);
  for (const auto& warning : reading.warnings) {
    fmt::print(stderr, "iris-collector: warning: {} {}\n", warning.where, warning.message);
  }
  for (const auto& fault : reading.faults) fmt::print(stderr, "iris-collector: {}: {}\n", fault.where, fault.message);
  if (!reading.faults.empty()) return 2;
  switch (options.command) {
    case Options::Command::serve: return ended(serve(reading.config));
    case Options::Command::gateway_add:
    case Options::Command::gateway_list:
    case Options::Command::gateway_revoke: return ended(run_gateway_command(options, reading.config));
    case Options::Command::profile_export: return ended(run_policy_command(options, reading.config));
    default: return ended(run_alert_command(options, reading.config));
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto parsed = parse_options(argc, argv);
    if (const auto* end = std::get_if<EarlyEnd>(&parsed)) {
      std::fputs(end->out.c_str(), stdout);
      std::fputs(end->err.c_str(), stderr);
      return end->exit_code;
    }
    return run(std::get<Options>(parsed));
  } catch (const std::exception& error) {
    fmt::print(stderr, "iris-collector: {}\n", error.what());
    return 1;
  }
}
