// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "identity/registry_client.h"
#include "pipeline/tracer.h"
#include "ship/uplink.h"
#include "spool/spool.h"

namespace iris::local {

/// All that irisd says of itself.
struct AgentStatus {
  std::string version;
  std::uint64_t started_wall_ns = 0;
  std::chrono::milliseconds window{0};
  pipeline::TracerStatus tracer;
  spool::SpoolStatus spool;
  std::optional<ship::UplinkStatus> uplink;  // none: nothing is shipped
  std::uint64_t queue_waiting = 0;           // batches on their way to the spool
  std::uint64_t queue_merged = 0;            // merged because the queue was full
  std::uint64_t queue_lost_windows = 0;      // became a gap for the same reason
  std::vector<pipeline::SelfTestStep> self_test;  // of the start
  std::string self_test_fault;               // why it could not be made; empty: it was
  std::vector<identity::RegistryStatus> registries;  // who is asked for identities
  std::uint64_t devices = 0;                 // identities known now
  std::vector<std::string> patterns;         // gateway patterns that some device follows
};

}  // namespace iris::local
