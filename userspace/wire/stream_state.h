// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "flow/batch.h"
#include "iris/v1/batch.pb.h"

/// What both ends of a stream must agree on. The format is in batch.proto.
namespace iris::wire {

inline constexpr std::uint32_t kMaxNames = 4096;
inline constexpr std::uint32_t kMaxKeys = 16384;
inline constexpr std::size_t kMaxNameBytes = 4096;
inline constexpr std::size_t kMaxNamesPerKey = 256;  // peer names; the same of processes
/// Of one batch.
inline constexpr std::size_t kMaxRecords = 65536;
inline constexpr std::size_t kMaxGaps = 4096;

/// The tables of a stream may hold this much by the account of the functions below:
/// the receiver refuses more, the sender resets the stream before a batch when it
/// has passed the lower mark.
inline constexpr std::size_t kMaxStateBytes = 32U << 20;
inline constexpr std::size_t kResetStateBytes = 8U << 20;

std::size_t state_cost(const v1::Owner& owner);
std::size_t state_cost(const v1::Name& name);
std::size_t state_cost(const v1::FlowKey& key);

/// About what the batch takes in memory when decoded, without owners.
std::size_t memory_cost(const flow::Batch& batch);

/// The columns that are differences against the last flow of the key, in the order of batch.proto.
inline constexpr std::size_t kCounters = 9;
inline constexpr std::size_t kRtts = 3;

/// The values of the last flow of a key. Differences are taken modulo 2^64 against
/// 32 bits, which holds what a window counts, and halves the receiver's memory.
struct LastValues {
  std::array<std::uint32_t, kCounters> counters{};
  std::array<std::uint32_t, kRtts> rtt_us{};
  std::uint8_t shape = 0;
};

template <typename Flow>
auto counters_of(Flow& flow) {
  return std::array{&flow.opened,           &flow.established,     &flow.closed,
                    &flow.active,           &flow.originator_bytes, &flow.responder_bytes,
                    &flow.originator_packets, &flow.responder_packets, &flow.retransmits};
}

/// Modulo 2^64, both ways.
inline std::int64_t difference(std::uint64_t value, std::uint64_t base) {
  return static_cast<std::int64_t>(value - base);
}
inline std::uint64_t sum(std::uint64_t base, std::int64_t difference) {
  return base + static_cast<std::uint64_t>(difference);
}

/// Of the batch before, and of the last ledger.
struct LastBatch {
  std::uint64_t end_wall_ns = 0;
  std::uint64_t length_ns = 0;
  std::uint64_t ledger_sequence = 0;
};

inline constexpr std::int64_t kNsPerMs = 1'000'000;
inline constexpr std::uint8_t kShapeMask = v1::FLOW_SHAPE_RTT | v1::FLOW_SHAPE_FIRST_SEEN | v1::FLOW_SHAPE_LAST_SEEN;

}  // namespace iris::wire
