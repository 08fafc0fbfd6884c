// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "flow/records.h"
#include "iris/v1/batch.pb.h"

/// What changes from one summary of a conversation to the next, as numbers, and their
/// columns in batch.proto. What both ends of a stream must agree on.
namespace iris::wire {

inline constexpr std::uint32_t kMaxFlowKeys = 16384;
inline constexpr std::size_t kMaxFlowKeyBytes = 16384;      // of one key
inline constexpr std::size_t kMaxFlowKeysBytes = 8U << 20;  // of the table; the sender forgets at half of it
inline constexpr std::size_t kMaxBatchRecords = 65536;

inline constexpr std::size_t kFlowColumns = 22;
using FlowValues = std::array<std::uint64_t, kFlowColumns>;

namespace columns {

inline constexpr std::uint64_t kNsPerMs = 1'000'000;

inline std::uint64_t from_seen(std::uint64_t seen_wall_ns, std::uint64_t start_wall_ns) {
  if (seen_wall_ns == 0) return 0;
  const auto apart = static_cast<std::int64_t>(seen_wall_ns - start_wall_ns);
  const auto ns_per_ms = static_cast<std::int64_t>(kNsPerMs);
  if (apart >= 0) return static_cast<std::uint64_t>(apart / ns_per_ms + 1);
  return static_cast<std::uint64_t>((apart - (ns_per_ms - 1)) / ns_per_ms);
}

inline std::uint64_t to_seen(std::uint64_t value, std::uint64_t start_wall_ns) {
  const auto apart = static_cast<std::int64_t>(value);
  if (apart == 0) return 0;
  return start_wall_ns + static_cast<std::uint64_t>(apart > 0 ? apart - 1 : apart) * kNsPerMs;
}

}  // namespace columns

inline FlowValues values_of(const flow::FlowRecord& flow, std::uint64_t batch_start, std::uint64_t batch_end) {
  FlowValues values{flow.window_start_wall_ns - batch_start,
                    flow.window_end_wall_ns - batch_end,
                    columns::from_seen(flow.first_seen_wall_ns, flow.window_start_wall_ns),
                    columns::from_seen(flow.last_seen_wall_ns, flow.window_start_wall_ns),
                    flow.opened,
                    flow.established,
                    flow.closed,
                    flow.active,
                    flow.failed[0],
                    flow.failed[1],
                    flow.failed[2],
                    flow.failed[3],
                    flow.failed[4],
                    flow.failed[5],
                    flow.originator_bytes,
                    flow.responder_bytes,
                    flow.originator_packets,
                    flow.responder_packets,
                    flow.retransmits};
  if (flow.rtt_us) {
    values[19] = std::uint64_t{flow.rtt_us->min_us} + 1;
    values[20] = std::uint64_t{flow.rtt_us->mean_us} + 1;
    values[21] = std::uint64_t{flow.rtt_us->max_us} + 1;
  }
  return values;
}

/// The columns of a block, in the order of FlowValues. `Message`: v1::Block, const or not.
template <typename Block>
auto columns_of(Block& block) {
  if constexpr (std::is_const_v<Block>) {
    return std::array{&block.window_start(),       &block.window_end(),         &block.first_seen(),
                      &block.last_seen(),          &block.opened(),             &block.established(),
                      &block.closed(),             &block.active(),             &block.refused(),
                      &block.timed_out(),          &block.unreachable(),        &block.broken(),
                      &block.denied(),             &block.failed_otherwise(),   &block.originator_bytes(),
                      &block.responder_bytes(),    &block.originator_packets(), &block.responder_packets(),
                      &block.retransmits(),        &block.rtt_min(),            &block.rtt_mean(),
                      &block.rtt_max()};
  } else {
    return std::array{block.mutable_window_start(),       block.mutable_window_end(),
                      block.mutable_first_seen(),         block.mutable_last_seen(),
                      block.mutable_opened(),             block.mutable_established(),
                      block.mutable_closed(),             block.mutable_active(),
                      block.mutable_refused(),            block.mutable_timed_out(),
                      block.mutable_unreachable(),        block.mutable_broken(),
                      block.mutable_denied(),             block.mutable_failed_otherwise(),
                      block.mutable_originator_bytes(),   block.mutable_responder_bytes(),
                      block.mutable_originator_packets(), block.mutable_responder_packets(),
                      block.mutable_retransmits(),        block.mutable_rtt_min(),
                      block.mutable_rtt_mean(),           block.mutable_rtt_max()};
  }
}

}  // namespace iris::wire
