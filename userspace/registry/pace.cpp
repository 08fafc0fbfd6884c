// SPDX-License-Identifier: Apache-2.0
#include "registry/pace.h"

namespace iris::registry {
namespace {

class SystemPace : public Pace {
 public:
  TimePoint now() override { return std::chrono::steady_clock::now(); }
  std::uint64_t wall_ns() override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
  }
  void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, TimePoint until) override {
    changed.wait_until(lock, until);
  }
};

}  // namespace

Pace& system_pace() {
  static SystemPace pace;
  return pace;
}

void Worker::start(std::function<void()> run) { thread_ = std::thread(std::move(run)); }

void Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Worker::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

bool Worker::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool Worker::sleep_until(Pace::TimePoint until) {
  std::unique_lock lock(mutex_);
  while (!stopped_ && !woken_ && pace_.now() < until) pace_.wait(lock, changed_, until);
  woken_ = false;
  return !stopped_;
}

}  // namespace iris::registry
