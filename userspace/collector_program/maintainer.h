// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "rest/api.h"
#include "store/store.h"

namespace iris::collector {

/// The thread that keeps the store within its retention, a slice at a time.
class Maintainer {
 public:
  using WallClock = std::function<std::uint64_t()>;

  /// `store` outlives it. With nothing to do it looks again after `idle`.
  Maintainer(store::Store& store, store::Retention retention, WallClock clock,
             std::chrono::milliseconds idle = std::chrono::minutes(1));
  ~Maintainer() = default;  // ends the thread after the slice at hand

  void request_stop() { thread_.request_stop(); }
  rest::MaintenanceStatus status() const;

 private:
  void run(const std::stop_token& stop);
  /// True: there is more to do.
  bool slice();

  store::Store& store_;
  const store::Retention retention_;
  const WallClock clock_;
  const std::chrono::milliseconds idle_;

  mutable std::mutex mutex_;  // below: guarded by it
  std::condition_variable_any wake_;
  rest::MaintenanceStatus status_;

  std::jthread thread_;
};

}  // namespace iris::collector
