// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "agent/agent.h"
#include "daemon/instance_lock.h"
#include "agent/registries.h"
#include "daemon/idle_pages.h"
#include "daemon/service_manager.h"

namespace iris::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStopWithin{4'500};  // systemd and people wait five seconds
constexpr milliseconds kLookAround{1'000};
constexpr std::chrono::seconds kTellEvery{10};
constexpr std::chrono::seconds kSettled{30};    // registries, runtimes and the collector have been reached
constexpr std::chrono::seconds kTrimEvery{300};  // as registries are asked: what a round of theirs took

std::uint64_t now_wall_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

bool is_hopeless(const base::Error& error) {
  return error.kind == base::Error::Kind::permission || error.kind == base::Error::Kind::unsupported;
}

base::Result<SelfTestResult> test_oneself(const pipeline::TracerOptions& options) {
  SelfTestResult result;
  auto steps = pipeline::run_self_test(options);
  if (!steps) {
    if (is_hopeless(steps.error())) return tl::unexpected(std::move(steps.error()));
    result.fault = steps.error().message;
    spdlog::error("the self-test could not be made: {}", result.fault);
    return result;
  }
  result.steps = std::move(*steps);
  for (const auto& step : result.steps) {
    if (!step.passed) spdlog::error("self-test: {} missed: {}", step.name, step.detail);
  }
  if (result.passed()) spdlog::info("self-test passed: connect, accept, udp, refused, crash seen with their owner");
  return result;
}

/// Waits for a signal up to `limit`; 0: none came.
int next_signal(milliseconds limit) {
  const sigset_t signals = daemon_signals();
  const timespec timeout{limit.count() / 1000, limit.count() % 1000 * 1'000'000};
  const int number = sigtimedwait(&signals, nullptr, &timeout);
  return number < 0 ? 0 : number;
}

void reload(Agent& agent, const Reload& read_again) {
  daemon::tell_reloading();
  if (const auto config = read_again()) {
    const auto restart = agent.reload(*config);
    spdlog::info("configuration read again");
    if (!restart.empty()) spdlog::warn("changed, but needs a restart: {}", fmt::join(restart, ", "));
  } else {
    spdlog::error("the configuration has faults: going on with what was");
  }
  daemon::tell_ready(agent.summary());
}

/// Until somebody asks for the end, or the capture thread ends by itself.
void watch_over(Agent& agent, const Reload& read_again) {
  const auto watchdog = daemon::watchdog_interval();
  const auto step = watchdog ? std::min(kLookAround, std::chrono::duration_cast<milliseconds>(*watchdog / 3)) : kLookAround;
  auto told = std::chrono::steady_clock::now();
  auto trim = told + kSettled;
  while (true) {
    const int signal = next_signal(std::max(step, milliseconds(1)));
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) reload(agent, read_again);
    if (watchdog && agent.alive(std::chrono::duration_cast<milliseconds>(*watchdog / 2))) daemon::feed_watchdog();
    const auto now = std::chrono::steady_clock::now();
    if (now >= trim) {
      if (const auto dropped = daemon::drop_idle_pages(); !dropped) spdlog::debug("{}", dropped.error().message);
      trim = now + kTrimEvery;
    }
    if (now - told < kTellEvery) continue;
    told = now;
    daemon::tell_status(agent.summary());
  }
}

base::Result<std::unique_ptr<Agent>> start_agent(const Config& config) {
  const auto options = tracer_options(config);
  auto tested = test_oneself(options);
  if (!tested) return tl::unexpected(std::move(tested.error()));
  auto tracer = pipeline::Tracer::open(options);
  if (!tracer) return tl::unexpected(std::move(tracer.error()));
  auto spool = spool::Spool::open(spool_options(config), now_wall_ns());
  if (!spool) return base::with_context("opening the spool in " + config.spool.directory, std::move(spool.error()));
  auto kept = (*spool)->kept("");
  if (!kept) spdlog::warn("identities are told anew: {}", kept.error().message);
  auto identities = make_identity_hub(config, kept ? std::move(*kept) : std::map<std::string, std::string>{});
  if (!identities) return tl::unexpected(std::move(identities.error()));
  auto agent = std::make_unique<Agent>(config, std::move(*tested), [options] { return pipeline::run_self_test(options); });
  // The capture's end wakes the thread that waits for signals.
  auto started = agent->start(capture_with(std::move(*tracer)), std::move(*spool), std::move(*identities), [] { kill(getpid(), SIGTERM); });
  if (!started) return tl::unexpected(std::move(started.error()));
  // The kernel's type information took some ten megabytes, and most of the code that ran is not needed again.
  if (const auto dropped = daemon::drop_idle_pages(); !dropped) spdlog::debug("{}", dropped.error().message);
  return agent;
}

}  // namespace

sigset_t daemon_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

base::Result<void> run_daemon(const Config& config, const Reload& read_again) {
  auto spool_lock = daemon::InstanceLock::take(config.spool.directory + "/irisd.lock");
  if (!spool_lock) return tl::unexpected(std::move(spool_lock.error()));
  std::optional<daemon::InstanceLock> socket_lock;
  if (!config.local.socket.empty()) {
    auto lock = daemon::InstanceLock::take(config.local.socket + ".lock");
    if (!lock) return tl::unexpected(std::move(lock.error()));
    socket_lock.emplace(std::move(*lock));
  }
  auto agent = start_agent(config);
  if (!agent) return tl::unexpected(std::move(agent.error()));
  spdlog::info("ready: irisd {}, windows of {} ms, spool in {}, {}", IRIS_VERSION, config.window.count(),
               config.spool.directory, config.uplink.target.empty() ? "nothing is shipped" : "ships to " + config.uplink.target);
  daemon::tell_ready((*agent)->summary());

  watch_over(**agent, read_again);

  daemon::tell_stopping();
  spdlog::info("stopping");
  if (!(*agent)->stop(kStopWithin)) {
    spdlog::critical("a thread did not end in time; what it had is lost, and the next start will name the gap");
    std::_Exit(1);
  }
  const auto result = (*agent)->capture_result();
  spdlog::info("stopped: {}", (*agent)->summary());
  return result;
}

}  // namespace iris::agent
