// SPDX-License-Identifier: Apache-2.0
#include "local/watch_hub.h"

#include <iterator>

namespace iris::local {

WatchHub::WatchHub(std::size_t max_watchers, std::size_t max_waiting_records)
    : max_watchers_(max_watchers), max_waiting_records_(max_waiting_records), thread_([this] { hand_out(); }) {}

WatchHub::~WatchHub() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void WatchHub::write(const flow::Record& record) {
  if (watching_.load(std::memory_order_relaxed) > 0) written_.push_back(record);
}

void WatchHub::flush() {
  if (written_.empty()) return;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (inbox_.size() + written_.size() > max_waiting_records_ && !inbox_.empty()) {
      inbox_lost_ += written_.size();
    } else {
      inbox_.insert(inbox_.end(), std::make_move_iterator(written_.begin()), std::make_move_iterator(written_.end()));
    }
  }
  Records().swap(written_);
  inbox_filled_.notify_one();
}

void WatchHub::hand_out() {
  while (true) {
    Records records;
    std::uint64_t lost = 0;
    bool stopping = false;
    {
      std::unique_lock lock(inbox_mutex_);
      inbox_filled_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
      records.swap(inbox_);
      lost = std::exchange(inbox_lost_, 0);
      stopping = stopping_;
    }
    const std::lock_guard lock(watchers_mutex_);
    for (Watcher* watcher : watchers_) {
      watcher->take(records, lost);
      if (stopping) watcher->end();
    }
    if (lost > 0) count_lost(lost * watchers_.size());
    if (stopping) return;
  }
}

bool WatchHub::add(Watcher* watcher) {
  const std::lock_guard lock(watchers_mutex_);
  bool stopping = false;
  {
    const std::lock_guard inbox_lock(inbox_mutex_);
    stopping = stopping_;
  }
  if (stopping || watchers_.size() >= max_watchers_) {
    ++refused_;
    return false;
  }
  watchers_.push_back(watcher);
  watching_ = watchers_.size();
  return true;
}

void WatchHub::remove(Watcher* watcher) {
  const std::lock_guard lock(watchers_mutex_);
  watchers_.remove(watcher);
  watching_ = watchers_.size();
}

void WatchHub::stop() {
  {
    const std::lock_guard lock(inbox_mutex_);
    stopping_ = true;
  }
  inbox_filled_.notify_one();
}

ServerStatus WatchHub::status() const { return {watching_.load(), refused_.load(), lost_.load()}; }

}  // namespace iris::local
