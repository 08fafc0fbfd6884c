// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "flow/batch.h"

namespace iris::simulator {

/// What flow summaries add up to.
struct Totals {
  std::uint64_t summaries = 0;
  std::uint64_t opened = 0;
  std::uint64_t established = 0;
  std::uint64_t closed = 0;
  std::uint64_t failed = 0;
  std::uint64_t originator_bytes = 0;
  std::uint64_t responder_bytes = 0;
  std::uint64_t originator_packets = 0;
  std::uint64_t responder_packets = 0;
  std::uint64_t retransmits = 0;

  /// What a ledger counts.
  std::uint64_t events() const { return opened + closed + originator_packets + responder_packets; }

  void add(const flow::FlowRecord& flow);
  void add(const Totals& other);
  friend bool operator==(const Totals&, const Totals&) = default;
};

struct TrafficOptions {
  std::uint64_t seed = 1;
  std::size_t summaries = 20;  // a batch
  std::uint64_t start_wall_ns = 1'767'355'200'000'000'000;  // of the first window
  std::uint64_t window_ns = 60'000'000'000;
};

/// The traffic of one gateway: a few modules, and for each conversation a key that
/// stays while its counts vary. All of it follows from the seed and the gateway's
/// number, so that a gateway that was killed goes on where it was, and anybody can
/// work out what it must have sent. From any thread.
class GatewayTraffic {
 public:
  GatewayTraffic(const TrafficOptions& options, std::size_t gateway);

  std::uint64_t epoch() const { return epoch_; }
  /// Batch `sequence`, from 1 on: one window, with its ledger.
  flow::Batch batch(std::uint64_t sequence) const;
  /// Of batches 1 to `batches`.
  Totals totals(std::uint64_t batches) const;

 private:
  flow::FlowRecord flow(std::size_t index, std::uint64_t sequence) const;

  TrafficOptions options_;
  std::uint64_t identity_;  // of seed and gateway
  std::uint64_t epoch_;
  std::vector<flow::FlowRecord> keys_;  // without counts
};

}  // namespace iris::simulator
