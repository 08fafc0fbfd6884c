// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

#include "agent/daemon.h"
#include "daemon/library_log.h"
#include "daemon/log.h"
#include "rpc/process.h"
#include "agent/options.h"
#include "agent/registries.h"

namespace {

using namespace iris;
using namespace iris::agent;

int exit_code_of(base::Error::Kind kind) {
  switch (kind) {
    case base::Error::Kind::usage: return 2;
    case base::Error::Kind::permission:
    case base::Error::Kind::unsupported: return 3;
    case base::Error::Kind::failed: break;
  }
  return 1;
}

/// --check-config, and why a start is refused.
int report(const Options& options, const ConfigReading& reading) {
  for (const auto& warning : reading.warnings) fmt::print(stderr, "{}: {}\n", warning.where, warning.message);
  for (const auto& fault : reading.faults) fmt::print(stderr, "{}: {}\n", fault.where, fault.message);
  std::size_t faults = reading.faults.size();
  if (options.check_config) {
    for (const auto& fault : check_registries(reading.config)) {
      fmt::print(stderr, "{}\n", fault);
      ++faults;
    }
  }
  if (faults > 0) {
    fmt::print(stderr, "irisd: {} fault{} in the configuration\n", faults, faults == 1 ? "" : "s");
    return 2;
  }
  fmt::print("{}: no faults\n", options.config_path);
  return 0;
}

Config for_this_run(const Options& options, Config config) {
  if (options.no_ship) config.uplink = {};
  return config;
}

/// A window passes from thread to thread and is gone: what it took goes back at once
/// instead of staying with the allocator of each thread.
void keep_memory_small() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

int run(const Options& options) {
  const auto reading = read_config(options, iris_environment());
  if (options.check_config || !reading.faults.empty()) return report(options, reading);

  keep_memory_small();
  rpc::use_system_resolver();
  // Before the first thread, which would take the signals otherwise.
  const sigset_t signals = daemon_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  daemon::set_up_log("irisd", reading.config.log.level, reading.config.log.format);
  daemon::take_library_logs();
  for (const auto& warning : reading.warnings) spdlog::warn("{} {}", warning.where, warning.message);

  const auto reload = [&options]() -> std::optional<Config> {
    auto again = read_config(options, iris_environment());
    for (const auto& fault : again.faults) spdlog::error("{}: {}", fault.where, fault.message);
    if (!again.faults.empty()) return std::nullopt;
    return for_this_run(options, std::move(again.config));
  };
  const auto done = run_daemon(for_this_run(options, reading.config), reload);
  if (!done) {
    spdlog::critical("{}", done.error().message);
    return exit_code_of(done.error().kind);
  }
  return 0;
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
    fmt::print(stderr, "irisd: {}\n", error.what());
    return 1;
  }
}
