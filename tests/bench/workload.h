// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "child.h"

namespace iris::bench {

enum class Phase { tcp, exits, udp, bulk };
inline constexpr Phase kPhases[] = {Phase::tcp, Phase::exits, Phase::udp, Phase::bulk};
const char* to_string(Phase phase);

struct WorkloadSize {
  std::uint64_t connections = 200'000;
  std::uint64_t exits = 10'000;
  std::uint64_t pairs = 200'000;
  std::uint64_t bulk_bytes = 4'000'000'000;
  std::uint64_t payload_bytes = 0;  // each way, on every connection
};

struct PhaseTruth {
  std::uint64_t units = 0;  // connections, exits, pairs or MiB, as iris-load saw them
  double seconds = 0;
  double load_cpu_seconds = 0;  // both ends
};

/// Servers on loopback for the whole benchmark, and one client run a phase.
class Workload {
 public:
  Workload(std::string iris_load, WorkloadSize size);
  PhaseTruth run(Phase phase);
  /// A connection, a datagram pair and an exit, to see whether a tracer is awake.
  void touch();

 private:
  PhaseTruth run_client(const std::vector<std::string>& arguments, const char* unit, Child* server) const;

  std::string iris_load_;
  WorkloadSize size_;
  std::unique_ptr<Child> tcp_server_;
  std::unique_ptr<Child> bulk_server_;
  std::unique_ptr<Child> udp_server_;
};

}  // namespace iris::bench
