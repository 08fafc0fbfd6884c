// SPDX-License-Identifier: Apache-2.0
#include "notify/notifier.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/backoff.h"

namespace iris::notify {

/// One sink and its thread.
class Notifier::Worker {
 public:
  Worker(Feed& feed, NamedSink sink, const NotifierOptions& options)
      : feed_(feed), sink_(std::move(sink)), options_(options), backoff_(options.first_pause, options.last_pause) {
    status_.name = sink_.name;
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void request_stop() { thread_.request_stop(); }
  SinkStatus status() const {
    const std::lock_guard lock(mutex_);
    SinkStatus status = status_;
    status.last_fault = feed_fault_.empty() ? sink_fault_ : feed_fault_;
    return status;
  }

 private:
  void run(const std::stop_token& stop);
  bool take_batch(const std::stop_token& stop);
  bool take(const Notice& notice, const std::stop_token& stop);
  base::Result<void> save();
  bool find_position(const std::stop_token& stop);

  /// Until somebody wakes, or the time is over.
  void wait_for_more(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, options_.poll, [this] { return woken_; });
  }
  void pause(const std::stop_token& stop, std::chrono::seconds asked_for) {
    const std::chrono::milliseconds wanted = std::min(asked_for, options_.longest_retry_after);
    const auto length = std::max(backoff_.next(), wanted);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, length, [] { return false; });
  }

  template <typename Change>
  void change_status(Change change) {
    const std::lock_guard lock(mutex_);
    change(status_);
  }
  /// Told when it changes, and not at each attempt. True: it has changed.
  bool change_fault(std::string& current, const std::string& text) {
    const std::lock_guard lock(mutex_);
    return std::exchange(current, text) != text;
  }
  void feed_failed(const base::Error& error, const std::stop_token& stop);

  Feed& feed_;
  const NamedSink sink_;
  const NotifierOptions options_;
  base::Backoff backoff_;
  std::uint64_t position_ = 0;  // taken or passed over
  std::uint64_t saved_ = 0;     // of that, what the feed knows

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;  // guarded by mutex_, as what follows
  SinkStatus status_;
  std::string feed_fault_;
  std::string sink_fault_;
  std::jthread thread_;  // last: it uses all of the above
};

void Notifier::Worker::feed_failed(const base::Error& error, const std::stop_token& stop) {
  if (change_fault(feed_fault_, error.message)) {
    spdlog::warn("alerts to {}: the store fails, trying again: {}", sink_.name, error.message);
  }
  pause(stop, {});
}

bool Notifier::Worker::find_position(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto position = feed_.position(sink_.name);
    if (position) {
      position_ = saved_ = *position;
      return true;
    }
    feed_failed(position.error(), stop);
  }
  return false;
}

base::Result<void> Notifier::Worker::save() {
  if (saved_ == position_) return {};
  auto done = feed_.set_position(sink_.name, position_);
  if (done) saved_ = position_;
  return done;
}

/// Tries until it is delivered, or refused for good. False: stopped before that.
bool Notifier::Worker::take(const Notice& notice, const std::stop_token& stop) {
  if (notice.severity < sink_.min_severity) return true;
  change_status([](SinkStatus& status) { status.behind = true; });
  while (!stop.stop_requested()) {
    const auto delivered = sink_.sink->deliver(notice);
    if (delivered) {
      backoff_.reset();
      change_status([](SinkStatus& status) { ++status.delivered; });
      if (change_fault(sink_fault_, "")) spdlog::info("alerts to {}: delivered again", sink_.name);
      return true;
    }
    const auto& error = delivered.error();
    if (error.kind == base::Error::Kind::usage) {
      backoff_.reset();  // the receiver is there and answers
      change_status([](SinkStatus& status) { ++status.given_up; });
      if (change_fault(sink_fault_, "refused: " + error.message)) {
        spdlog::warn("alerts to {}: refused for good and passed over: {}", sink_.name, error.message);
      }
      return true;
    }
    change_status([](SinkStatus& status) { ++status.failed_attempts; });
    if (change_fault(sink_fault_, error.message)) {
      spdlog::warn("alerts to {}: not delivered, trying again: {}", sink_.name, error.message);
    }
    // So that who ends us now need not deliver again what came before. If it fails, the end of the batch tells.
    [[maybe_unused]] const auto saved = save();
    pause(stop, sink_.sink->retry_after());
  }
  return false;
}

/// True: there may be more at once.
bool Notifier::Worker::take_batch(const std::stop_token& stop) {
  const auto notices = feed_.after(position_, options_.batch);
  if (!notices) {
    feed_failed(notices.error(), stop);
    return true;
  }
  const auto before = position_;
  for (const Notice& notice : *notices) {
    if (!take(notice, stop)) break;
    position_ = std::max(position_, notice.change);
  }
  if (const auto saved = save(); !saved) {
    feed_failed(saved.error(), stop);
    return true;
  }
  if (notices->empty()) change_status([](SinkStatus& status) { status.behind = false; });
  if (change_fault(feed_fault_, "")) spdlog::info("alerts to {}: the store works again", sink_.name);
  return position_ != before;
}

void Notifier::Worker::run(const std::stop_token& stop) {
  if (!find_position(stop)) return;
  while (!stop.stop_requested()) {
    {
      // Before the feed is asked: what comes later wakes us again.
      const std::lock_guard lock(mutex_);
      woken_ = false;
    }
    if (!take_batch(stop)) wait_for_more(stop);
  }
}

Notifier::Notifier(Feed& feed, std::vector<NamedSink> sinks, NotifierOptions options) {
  for (auto& sink : sinks) workers_.push_back(std::make_unique<Worker>(feed, std::move(sink), options));
}

Notifier::~Notifier() { stop(); }

void Notifier::wake() {
  for (const auto& worker : workers_) worker->wake();
}

void Notifier::stop() {
  for (const auto& worker : workers_) worker->request_stop();
}

std::vector<SinkStatus> Notifier::status() const {
  std::vector<SinkStatus> all;
  for (const auto& worker : workers_) all.push_back(worker->status());
  return all;
}

}  // namespace iris::notify
