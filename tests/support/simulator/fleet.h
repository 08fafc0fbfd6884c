// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "simulator/gateway.h"

namespace iris::simulator {

struct FleetOptions {
  TrafficOptions traffic;
  std::string target;               // "host:port", or "unix:/path"
  std::filesystem::path ca_file;    // empty: plain text
  std::string server_name;          // in the certificate; empty: the host of target
  std::vector<std::string> tokens;  // one a gateway
  std::uint64_t batches = 10;
  double rate = 0;                  // batches a second of all gateways together; 0: no limit
  double reconnecting = 0;
  std::chrono::seconds limit{120};
};

struct FleetReport {
  bool complete = false;  // all batches of all gateways were acknowledged
  std::size_t gateways = 0;
  std::size_t connected = 0;
  std::uint64_t connections = 0;
  std::uint64_t sent_batches = 0;          // repeated ones count again
  std::uint64_t acknowledged_batches = 0;  // since the epochs began
  double summaries_per_second = 0;         // of those acknowledged in this run
  std::uint64_t sent_bytes = 0;            // encoded batches, without gRPC and TLS
  double connecting_seconds = 0;           // until the last gateway was welcomed
  double seconds = 0;                      // from then to the last acknowledgement
  double cpu_seconds = 0;                  // of this process meanwhile
  std::string fault;                       // of one of the gateways
  Totals truth;                            // of what was acknowledged

  std::string json() const;  // one line
};

/// Plays gateways until each has all its batches acknowledged. First all connect,
/// then they send. `stop` may be set from anywhere.
base::Result<FleetReport> play(const FleetOptions& options, const std::atomic<bool>& stop);

}  // namespace iris::simulator
