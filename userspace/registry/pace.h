// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace iris::registry {

/// The time of a client: a seam for tests, which let an hour pass at once.
class Pace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~Pace() = default;
  virtual TimePoint now() = 0;
  virtual std::uint64_t wall_ns() = 0;  // Unix time
  /// Waits on `changed` until then at the latest; may return early, as a condition variable may.
  virtual void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, TimePoint until) = 0;
};

/// The clocks of the system.
Pace& system_pace();

/// The one thread of a client, with a sleep that ends at once when there is news.
class Worker {
 public:
  explicit Worker(Pace& pace) : pace_(pace) {}
  ~Worker() { stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start(std::function<void()> run);
  /// Tells the thread to end and waits for it; what it is blocked in has to be ended before.
  void stop();
  /// Makes the present or the next sleep return. From any thread.
  void wake();
  bool stopped() const;
  /// False: the client has to stop.
  bool sleep_until(Pace::TimePoint until);

 private:
  Pace& pace_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;  // guarded by mutex_
  bool woken_ = false;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace iris::registry
