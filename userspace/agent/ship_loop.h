// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "agent/batch_queue.h"
#include "agent/known_alerts.h"
#include "agent/spool_source.h"
#include "ship/uplink.h"
#include "spool/spool.h"

namespace iris::agent {

struct ShipStatus {
  spool::SpoolStatus spool;
  std::optional<ship::UplinkStatus> uplink;  // none: nothing is shipped
};

/// The ship thread: owns spool and uplink; batches from the queue to the disk, and
/// from there to the collector.
class ShipLoop {
 public:
  /// `queue` outlives the loop.
  ShipLoop(std::unique_ptr<spool::Spool> spool, BatchQueue& queue);
  ~ShipLoop();  // as stop()

  /// none: nothing is shipped. Before start(), or from any thread later: then it
  /// takes the place of what was, on the loop's thread.
  void set_uplink(std::optional<ship::UplinkOptions> options);
  void start();
  /// Spools what the queue holds; returns once that is done. To be called after the
  /// queue's last push.
  void stop();

  ShipStatus status() const;
  /// What the collector told of this gateway; from any thread.
  std::vector<std::string> alerts() const { return alerts_.all(); }
  std::chrono::steady_clock::time_point last_turn() const { return last_turn_.load(); }

 private:
  void run();
  void spool_one(flow::Batch batch);
  void take_new_uplink();
  void renew_for_epoch();
  void publish();
  void log_uplink(const ship::UplinkStatus& status);

  std::unique_ptr<spool::Spool> spool_;
  BatchQueue& queue_;
  SpoolStore store_;
  SpoolSource source_;
  std::string spool_fault_;     // as last logged
  std::string uplink_fault_;    // as last logged
  bool uplink_connected_ = false;
  bool told_of_malformed_alerts_ = false;
  std::uint64_t uplink_epoch_ = 0;  // of the spool when the uplink was made
  std::optional<ship::UplinkOptions> uplink_options_;

  KnownAlerts alerts_;

  std::atomic<bool> stopping_{false};
  std::atomic<std::chrono::steady_clock::time_point> last_turn_{std::chrono::steady_clock::now()};

  mutable std::mutex mutex_;  // all below
  std::unique_ptr<ship::Uplink> uplink_;  // made and used by the thread; woken from others
  std::string uplink_options_fault_;
  bool ships_ = false;
  std::optional<std::optional<ship::UplinkOptions>> new_uplink_;
  ShipStatus status_;
  std::thread thread_;
};

}  // namespace iris::agent
