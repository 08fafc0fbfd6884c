// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "flow/records.h"

namespace iris::flow {

/// A stretch of time of which nothing, or not everything, is known: the agent did
/// not run, or what it had written was lost.
struct Gap {
  std::uint64_t start_wall_ns = 0;
  std::uint64_t end_wall_ns = 0;
  std::string reason;           // "agent_stopped", "spool_full", "spool_corrupted", "queue_full" ...
  std::uint64_t windows = 0;    // how many windows were lost; 0: not known
  std::uint64_t flows = 0;      // flow summaries in them; 0: not known

  friend bool operator==(const Gap&, const Gap&) = default;
};

/// What one window (or several, merged) yielded: the unit of spooling, shipping
/// and deduplication. Holds no socket events. Its ledgers cover [start, end).
struct Batch {
  std::uint64_t start_wall_ns = 0;
  std::uint64_t end_wall_ns = 0;
  std::vector<Record> records;  // in the order made; a ledger ends its window
  std::vector<Gap> gaps;        // known since the batch before
  /// What the spool keeps in the same transaction, so that it is true exactly when the
  /// batch is safe: positions in foreign streams, what has been told. An empty value
  /// is forgotten. Stays on the gateway.
  std::map<std::string, std::string> keep{};
};

}  // namespace iris::flow
