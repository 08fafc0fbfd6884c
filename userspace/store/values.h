// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "flow/records.h"

/// What is counted over a window, apart from what it is counted for. Values of
/// several windows add up; sums stop at the largest number instead of wrapping.
namespace iris::store {

struct FlowValues {
  enum Count : std::size_t {
    opened, established, closed, originator_bytes, responder_bytes, originator_packets, responder_packets, retransmits,
    first_failed, kCounts = first_failed + flow::kFailureReasons
  };
  std::uint64_t window_end_ns = 0;
  std::array<std::uint64_t, kCounts> counts{};
  std::uint64_t active = 0;        // at window_end_ns
  std::uint64_t rtt_windows = 0;   // the weight of the mean
  flow::RttSummary rtt{};
  std::uint64_t first_seen_ns = 0;
  std::uint64_t last_seen_ns = 0;

  static FlowValues of(const flow::FlowRecord& flow);
  void put_into(flow::FlowRecord& flow) const;
  void add(const FlowValues& other);
  void pack(std::string& out, std::uint64_t window_start_ns) const;
  /// False: the bytes are damaged.
  bool unpack(std::string_view packed, std::uint64_t window_start_ns);
};

struct LedgerValues {
  std::uint64_t window_end_ns = 0;
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t folded = 0;
  std::map<std::string, std::uint64_t, std::less<>> dropped;  // at most kMaxReasons; the rest under "other"

  static constexpr std::size_t kMaxReasons = 64;
  static LedgerValues of(const flow::Ledger& ledger);
  void add(const LedgerValues& other);
  void pack(std::string& out, std::uint64_t window_start_ns) const;
  bool unpack(std::string_view packed, std::uint64_t window_start_ns);

 private:
  void add_dropped(std::string_view reason, std::uint64_t count);
};

}  // namespace iris::store
