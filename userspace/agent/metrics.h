// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/batch_queue.h"
#include "agent/capture_loop.h"
#include "agent/ship_loop.h"
#include "base/result.h"
#include "local/server.h"

namespace iris::agent {

struct Measurements {
  CaptureCounts capture;
  QueueStatus queue;
  ShipStatus ship;
  local::ServerStatus local;
  std::uint64_t rss_bytes = 0;
  std::uint64_t started_wall_ns = 0;
};

/// Prometheus text format 0.0.4.
std::string metrics_text(const Measurements& measurements);

/// Resident set of this process; 0: not known.
std::uint64_t own_rss_bytes();

/// Serves GET /metrics on one address, with one thread.
class MetricsServer {
 public:
  using Measure = std::function<Measurements()>;  // called on the server's thread
  static base::Result<std::unique_ptr<MetricsServer>> start(const std::string& host, int port, Measure measure);
  ~MetricsServer();
  int port() const;

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::agent
