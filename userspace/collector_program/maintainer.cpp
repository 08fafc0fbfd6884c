// SPDX-License-Identifier: Apache-2.0
#include "collector_program/maintainer.h"

#include <spdlog/spdlog.h>

namespace iris::collector {
namespace {

// Between slices commits get their turn.
constexpr std::chrono::milliseconds kPause{50};

}  // namespace

Maintainer::Maintainer(store::Store& store, store::Retention retention, WallClock clock, std::chrono::milliseconds idle)
    : store_(store), retention_(retention), clock_(std::move(clock)), idle_(idle),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

rest::MaintenanceStatus Maintainer::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Maintainer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto pause = slice() ? kPause : idle_;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, pause, [] { return false; });
  }
}

bool Maintainer::slice() {
  const auto more = store_.maintain(retention_, clock_());
  const std::lock_guard lock(mutex_);
  const std::string fault = more ? std::string() : more.error().message;
  if (!fault.empty() && fault != status_.fault) spdlog::error("maintenance of the store: {}", fault);
  status_.fault = fault;
  if (more) ++status_.slices;
  return more && *more;
}

}  // namespace iris::collector
