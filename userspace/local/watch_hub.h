// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "flow/records.h"
#include "local/server.h"

namespace iris::local {

using Records = std::vector<flow::Record>;

/// One that wants records. Called from the hub's thread.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// `lost`: records that did not get as far as this.
  virtual void take(const Records& records, std::uint64_t lost) = 0;
  /// The server ends.
  virtual void end() = 0;
};

/// From the capture thread to the watchers: what is written is copied while
/// somebody watches, and handed out by a thread of the hub's own.
class WatchHub {
 public:
  WatchHub(std::size_t max_watchers, std::size_t max_waiting_records);
  ~WatchHub();

  void write(const flow::Record& record);  // capture thread
  void flush();                            // capture thread

  /// False: there are as many as there may be.
  bool add(Watcher* watcher);
  /// Afterwards the watcher is not called any more.
  void remove(Watcher* watcher);
  void count_lost(std::uint64_t records) { lost_ += records; }
  /// Ends all watchers; no more are taken.
  void stop();
  ServerStatus status() const;

 private:
  void hand_out();

  const std::size_t max_watchers_;
  const std::size_t max_waiting_records_;
  std::atomic<std::size_t> watching_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> lost_{0};

  Records written_;  // the capture thread's own, since the last flush

  mutable std::mutex inbox_mutex_;
  std::condition_variable inbox_filled_;
  Records inbox_;
  std::uint64_t inbox_lost_ = 0;
  bool stopping_ = false;

  std::mutex watchers_mutex_;  // held while they are called
  std::list<Watcher*> watchers_;
  std::thread thread_;
};

}  // namespace iris::local
