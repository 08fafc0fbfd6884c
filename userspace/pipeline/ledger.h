// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flow/records.h"
#include "iris/event.h"

namespace iris::pipeline {

/// What one window gave, before it is made a Ledger.
struct WindowTally {
  iris_counters kernel{};                 // summed over the CPUs
  std::uint64_t events_read = 0;          // records of the ring that arrived
  std::uint64_t flow_updates = 0;         // observations in drained entries that kept their key
  std::uint64_t flow_updates_folded = 0;  // in drained entries that were folded
  std::uint64_t malformed = 0;            // of events_read: too short or of no known type
  std::uint64_t malformed_dns = 0;        // of events_read: a peer's answer that is no DNS
  std::uint64_t recursion_misses = 0;     // runs of a program that the kernel left out
};

/// The balance: produced is what the kernel counted, the rest is what was seen
/// here, so that a difference shows. What happened beside the counted roads
/// (no room for a socket, a program left out) is in both produced and dropped.
flow::Ledger make_ledger(const WindowTally& tally);

/// Adds a window to a running total, which keeps its start.
void accumulate(flow::Ledger& total, const flow::Ledger& window);

}  // namespace iris::pipeline
