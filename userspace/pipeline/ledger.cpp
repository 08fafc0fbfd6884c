// SPDX-License-Identifier: Apache-2.0
#include "pipeline/ledger.h"

#include <numeric>

namespace iris::pipeline {

flow::Ledger make_ledger(const WindowTally& tally) {
  const iris_counters& kernel = tally.kernel;
  flow::Ledger ledger;
  ledger.produced =
      kernel.events_produced + kernel.flow_updates + kernel.lost_socket + kernel.missed_closes + tally.recursion_misses;
  ledger.delivered = tally.events_read + tally.flow_updates - tally.malformed - tally.malformed_dns;
  ledger.folded = tally.flow_updates_folded;

  const auto drop = [&ledger](const char* reason, std::uint64_t count) {
    if (count > 0) ledger.dropped[reason] = count;
  };
  drop("ring_full", std::accumulate(std::begin(kernel.lost_ring), std::end(kernel.lost_ring), std::uint64_t{0}));
  drop("flow_map_full", kernel.lost_flow_update);
  drop("malformed", tally.malformed);
  drop("malformed_dns", tally.malformed_dns);
  drop("socket_map_full", kernel.lost_socket);
  drop("missed_close", kernel.missed_closes);
  drop("recursion", tally.recursion_misses);
  return ledger;
}

void accumulate(flow::Ledger& total, const flow::Ledger& window) {
  if (total.window_start_wall_ns == 0) total.window_start_wall_ns = window.window_start_wall_ns;
  total.window_end_wall_ns = window.window_end_wall_ns;
  total.sequence = window.sequence;
  total.produced += window.produced;
  total.delivered += window.delivered;
  total.folded += window.folded;
  for (const auto& [reason, count] : window.dropped) total.dropped[reason] += count;
}

}  // namespace iris::pipeline
