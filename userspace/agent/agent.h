// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/batch_queue.h"
#include "agent/capture_loop.h"
#include "agent/config.h"
#include "agent/identity_hub.h"
#include "agent/metrics.h"
#include "agent/ship_loop.h"
#include "local/server.h"

namespace iris::agent {

struct SelfTestResult {
  std::vector<pipeline::SelfTestStep> steps;
  std::string fault;  // why it could not be made
  bool passed() const;
};

using RunSelfTest = std::function<base::Result<std::vector<pipeline::SelfTestStep>>()>;

/// The parts put together: capture thread, queue, ship thread, local interface,
/// metrics. Answers for all of them.
class Agent : private local::Backend {
 public:
  Agent(const Config& config, SelfTestResult self_test, RunSelfTest run_self_test);
  ~Agent() override;

  /// Starts everything. `on_capture_end`: called when the capture thread ends by itself, too.
  /// `identities` may be null.
  base::Result<void> start(std::unique_ptr<Capture> capture, std::unique_ptr<spool::Spool> spool,
                           std::unique_ptr<IdentityHub> identities, std::function<void()> on_capture_end);
  /// The last window closed and spooled, everything ended. True: done within `limit`;
  /// else the caller should end the process, for a thread hangs.
  bool stop(std::chrono::milliseconds limit);

  /// Takes over what can be; names the keys that need a restart.
  std::vector<std::string> reload(const Config& config);

  /// Both loops were seen alive within this time.
  bool alive(std::chrono::milliseconds within) const;
  base::Result<void> capture_result() const { return capture_->result(); }
  Measurements measure() const;
  /// One line for the service manager.
  std::string summary() const;

 private:
  base::Result<local::AgentStatus> status() override;
  base::Result<std::vector<flow::ContainerRecord>> containers() override;
  base::Result<std::vector<flow::DeviceRecord>> devices() override;
  base::Result<std::vector<std::string>> alerts() override { return ship_->alerts(); }
  base::Result<std::vector<pipeline::SelfTestStep>> self_test() override { return run_self_test_(); }
  base::Result<void> start_metrics();
  base::Result<CaptureSnapshot> ask();

  Config config_;
  const SelfTestResult self_test_result_;
  const RunSelfTest run_self_test_;
  const std::uint64_t started_wall_ns_;
  BatchQueue queue_;
  std::unique_ptr<IdentityHub> identities_;
  std::unique_ptr<ShipLoop> ship_;
  std::unique_ptr<local::Server> local_;
  mutable std::mutex mutex_;  // guards the pointer below against calls that come during start()
  std::unique_ptr<CaptureLoop> capture_;
  std::unique_ptr<MetricsServer> metrics_;
};

}  // namespace iris::agent
