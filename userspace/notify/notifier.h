// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "notify/make_sinks.h"
#include "notify/sink.h"

namespace iris::notify {

struct NotifierOptions {
  std::chrono::milliseconds poll{5'000};  // the feed is asked so often even when nobody wakes
  std::chrono::milliseconds first_pause{1'000};  // between attempts: doubled up to last_pause
  std::chrono::milliseconds last_pause{300'000};
  std::chrono::seconds longest_retry_after{3'600};  // of what a receiver asks for, at most that
  std::size_t batch = 100;
};

struct SinkStatus {
  std::string name;
  std::uint64_t delivered = 0;  // as all counts: since the start
  std::uint64_t failed_attempts = 0;
  std::uint64_t given_up = 0;  // alerts that the sink refused for good
  std::string last_fault;      // what keeps it from delivering, or why it gave up last; empty: nothing, or all is well again
  bool behind = false;         // there are alerts that it has not taken yet
};

/// Brings what the feed has to each sink, in order, a thread a sink. At least once: an
/// alert whose delivery was under way when the program ended comes again.
class Notifier {
 public:
  /// Starts. `feed` must outlive it.
  Notifier(Feed& feed, std::vector<NamedSink> sinks, NotifierOptions options = {});
  ~Notifier();
  Notifier(const Notifier&) = delete;

  /// There is something new. Does not shorten the pause after a failure. Any thread.
  void wake();
  /// Ends all waiting; what is being delivered may finish (its sink's timeout). Any thread.
  void stop();
  /// In the order of the sinks. Any thread.
  std::vector<SinkStatus> status() const;

 private:
  class Worker;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace iris::notify
