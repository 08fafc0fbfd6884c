// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "flow/records.h"
#include "local/agent_status.h"
#include "pipeline/tracer.h"

namespace iris::cli {

/// What the commands need of pipeline::Tracer, so that they can be tried
/// without a kernel that lets us in.
class TraceSource {
 public:
  virtual ~TraceSource() = default;
  virtual base::Result<void> run(flow::RecordSink& sink, std::optional<std::chrono::milliseconds> duration) = 0;
  virtual void request_stop() = 0;  // safe from a signal handler
  virtual pipeline::TracerStatus status() const = 0;
  virtual std::vector<flow::ContainerRecord> containers() const = 0;
  /// Identities; only irisd gathers them.
  virtual std::vector<flow::DeviceRecord> devices() const { return {}; }
  /// Of this gateway, as the collector told irisd: JSON of the contract, foreign text.
  virtual std::vector<std::string> alerts() const { return {}; }
  /// What irisd says of itself, when it is the source; null otherwise.
  virtual const local::AgentStatus* agent() const { return nullptr; }
};

struct Backend {
  std::function<base::Result<std::unique_ptr<TraceSource>>(const pipeline::TracerOptions&)> open;
  std::function<base::Result<std::vector<pipeline::SelfTestStep>>(const pipeline::TracerOptions&)> self_test;
};

/// The kernel under us.
Backend live_backend();

}  // namespace iris::cli
