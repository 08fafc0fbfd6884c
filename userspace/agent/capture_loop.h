// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "agent/batch_builder.h"
#include "agent/batch_queue.h"
#include "agent/identity_hub.h"
#include "base/result.h"
#include "pipeline/tracer.h"

namespace iris::agent {

/// What the capture thread needs of pipeline::Tracer, so that it can be tried
/// without a kernel that lets us in.
class Capture {
 public:
  virtual ~Capture() = default;
  /// Until request_stop(); calls `on_turn` at least every 200 ms.
  virtual base::Result<void> run(flow::RecordSink& sink, std::function<void()> on_turn) = 0;
  virtual void request_stop() = 0;  // from another thread
  virtual pipeline::TracerStatus status() const = 0;
  virtual std::vector<flow::ContainerRecord> containers() const = 0;
  /// Who addresses are, from now on; on the capture thread.
  virtual void set_devices(std::shared_ptr<const identity::DeviceIndex> devices) = 0;
};

std::unique_ptr<Capture> capture_with(std::unique_ptr<pipeline::Tracer> tracer);

/// What the capture thread tells when it is asked.
struct CaptureSnapshot {
  pipeline::TracerStatus tracer;
  std::vector<flow::ContainerRecord> containers;
};

struct CaptureCounts {
  std::uint64_t windows = 0;
  std::uint64_t flows = 0;
  flow::Ledger total;  // since the start
};

/// The capture thread: runs the tracer, gives each window's batch to the queue and
/// each record to the watchers.
class CaptureLoop {
 public:
  /// `watchers` and `identities` may be null; all of them outlive the loop.
  CaptureLoop(std::unique_ptr<Capture> capture, BatchQueue& queue, flow::RecordSink* watchers,
              IdentityHub* identities = nullptr);
  ~CaptureLoop();  // as stop()

  /// `on_end`: called on the thread when it ends, whatever the reason.
  void start(std::function<void()> on_end);
  /// Closes the last window and puts it into the queue; waits for that.
  void stop();

  /// Asks the thread, which answers within a turn; an error when it does not.
  base::Result<CaptureSnapshot> ask(std::chrono::milliseconds timeout);
  CaptureCounts counts() const;
  /// When the loop was last seen alive (steady clock).
  std::chrono::steady_clock::time_point last_turn() const { return last_turn_.load(); }
  /// How it ended; meaningful after it has.
  base::Result<void> result() const;

 private:
  class Sink;
  void run();
  void turn();
  void answer();

  std::unique_ptr<Capture> capture_;
  BatchQueue& queue_;
  flow::RecordSink* watchers_;
  IdentityHub* identities_;
  BatchBuilder builder_;  // the thread's own

  std::atomic<bool> stopping_{false};
  std::atomic<bool> asked_{false};
  std::atomic<std::chrono::steady_clock::time_point> last_turn_{std::chrono::steady_clock::now()};

  mutable std::mutex mutex_;  // all below
  std::condition_variable answered_;
  std::uint64_t answers_ = 0;
  CaptureSnapshot snapshot_;
  CaptureCounts counts_;
  base::Result<void> result_;
  bool ended_ = false;

  std::function<void()> on_end_;
  std::thread thread_;
};

}  // namespace iris::agent
