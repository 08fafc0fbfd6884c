// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "notify/notifier.h"
#include "notify/sink.h"

namespace iris::notify::test_support {

/// A store of notices in memory. New sinks begin at 0 unless the test says otherwise.
class MemoryFeed final : public Feed {
 public:
  void add(Notice notice) {
    const std::lock_guard lock(mutex_);
    notices_.push_back(std::move(notice));
  }
  /// Every call fails from then on, or works again.
  void break_down(bool broken) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
    changed_.notify_all();
  }
  /// Waits until the sink has got so far, and has asked for more after that.
  void await(const std::string& sink, std::uint64_t change) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return positions_[sink] >= change && asked_behind_ >= change; });
  }
  void await_failures(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failures_ >= count; });
  }
  std::uint64_t saved(const std::string& sink) {
    const std::lock_guard lock(mutex_);
    return positions_[sink];
  }

  base::Result<std::vector<Notice>> after(std::uint64_t change, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    if (auto broken = fail_if_broken(); !broken) return tl::unexpected(broken.error());
    asked_behind_ = std::max(asked_behind_, change);
    changed_.notify_all();
    std::vector<Notice> found;
    for (const auto& notice : notices_) {
      if (notice.change > change && found.size() < limit) found.push_back(notice);
    }
    return found;
  }
  base::Result<std::uint64_t> position(const std::string& sink) override {
    const std::lock_guard lock(mutex_);
    if (auto broken = fail_if_broken(); !broken) return tl::unexpected(broken.error());
    return positions_[sink];
  }
  base::Result<void> set_position(const std::string& sink, std::uint64_t change) override {
    const std::lock_guard lock(mutex_);
    if (auto broken = fail_if_broken(); !broken) return broken;
    positions_[sink] = change;
    changed_.notify_all();
    return {};
  }

 private:
  base::Result<void> fail_if_broken() {
    if (!broken_) return {};
    ++failures_;
    changed_.notify_all();
    return base::fail("the store is broken");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Notice> notices_;  // guarded by mutex_, as all
  std::map<std::string, std::uint64_t> positions_;
  std::uint64_t asked_behind_ = 0;
  std::size_t failures_ = 0;
  bool broken_ = false;
};

/// Short pauses, and a poll that never comes: a test that needs it would hang.
inline NotifierOptions quick() {
  NotifierOptions options;
  options.poll = std::chrono::hours(1);
  options.first_pause = std::chrono::milliseconds(1);
  options.last_pause = std::chrono::milliseconds(2);
  return options;
}

}  // namespace iris::notify::test_support
