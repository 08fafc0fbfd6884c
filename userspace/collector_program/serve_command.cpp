// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <thread>

#include "collector_program/commands.h"
#include "collector_program/service.h"
#include "daemon/library_log.h"
#include "daemon/log.h"
#include "daemon/service_manager.h"
#include "rpc/process.h"

namespace iris::collector {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStopWithin{4'500};  // systemd and people wait five seconds
constexpr milliseconds kLookAround{1'000};

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Ends the process when what comes between its making and its end takes too long.
class Deadline {
 public:
  explicit Deadline(milliseconds limit)
      : thread_([this, limit](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          done_.wait_for(lock, stop, limit, [] { return false; });
          if (stop.stop_requested()) return;
          spdlog::critical("a thread did not end in time; what was not acknowledged will be sent again");
          std::_Exit(1);
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any done_;
  std::jthread thread_;
};

void wait_for_the_end(const Service& service) {
  const auto watchdog = daemon::watchdog_interval();
  const auto third = watchdog ? std::chrono::duration_cast<milliseconds>(*watchdog / 3) : kLookAround;
  const auto step = std::clamp(third, milliseconds(1), kLookAround);
  const timespec timeout{step.count() / 1000, step.count() % 1000 * 1'000'000};
  const auto signals = stop_signals();
  while (sigtimedwait(&signals, nullptr, &timeout) < 0) {
    // A store that hangs holds this thread up, too, and the watchdog sees to it.
    if (watchdog && service.healthy()) daemon::feed_watchdog();
  }
}

std::string with_port(const std::string& endpoint, int port) {
  return port == 0 ? endpoint : endpoint.substr(0, endpoint.rfind(':') + 1) + std::to_string(port);
}

}  // namespace

base::Result<void> serve(const Config& config) {
  const auto signals = stop_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  rpc::raise_descriptor_limit();
  daemon::set_up_log("iris-collector", config.log_level);
  daemon::take_library_logs();

  auto service = Service::start(config);
  if (!service) return tl::unexpected(std::move(service.error()));
  spdlog::info("ready: gRPC on {}{}, REST on http://{}, store {}", with_port(config.listen, (*service)->ingest_port()),
               config.insecure ? " (plain text)" : "", with_port(config.http, (*service)->http_port()), config.store);
  daemon::tell_ready("taking batches");

  wait_for_the_end(**service);

  daemon::tell_stopping();
  spdlog::info("stopping");
  const Deadline deadline(kStopWithin);
  (*service)->stop();
  service->reset();
  spdlog::info("stopped");
  return {};
}

}  // namespace iris::collector
