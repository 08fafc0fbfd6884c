// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "flow/device.h"
#include "identity/resource_logs.h"

namespace iris::identity {

/// Tells the ordinary end of a token from a wrong credential: a device whose SAS token ran out is refused with
/// 401003 and connects again within about a minute. Such a refusal becomes token_expired with severity 1.
///
/// Records of 401003 are held until that connect is seen, or until event time has passed beyond it; all others
/// go through at once. Connects may come before the refusal, since the logs do not keep their order. Time is
/// that of the events alone, so the same input gives the same output. No record is ever lost: what does not
/// fit is released unchanged, and flush() releases the rest. Not for several threads.
class TokenExpiryFilter {
 public:
  static constexpr std::uint64_t kReconnectNs = 60'000'000'000;  // from refusal to connect
  static constexpr std::uint64_t kGraceNs = 30'000'000'000;      // for records out of order
  static constexpr std::size_t kMaxHeld = 4096;
  static constexpr std::size_t kMaxConnects = 8192;

  /// What can be released now, in order of arrival as far as it was not held. `position` is the caller's, and does
  /// not fall: it says which event the reading came from.
  std::vector<flow::SecurityRecord> take(LogReading reading, std::uint64_t position);
  /// Releases all that is held, unchanged; for the end, and when no event has come for a while.
  std::vector<flow::SecurityRecord> flush();

  std::size_t held() const { return held_.size(); }
  /// The position of the oldest event with a record that is held: a checkpoint at or beyond it would lose
  /// that record in a crash. None when nothing is held.
  std::optional<std::uint64_t> oldest_held_position() const;

 private:
  struct Held {
    flow::SecurityRecord record;
    std::uint64_t position = 0;
  };
  using Identity = std::pair<std::string, std::string>;  // hub, then device and module

  static Identity identity(const std::string& hub, const std::string& device_id, const std::string& module_id);
  void note_connect(const ConnectRecord& connect, std::vector<flow::SecurityRecord>& out);
  bool has_reconnected(const flow::SecurityRecord& record) const;
  void release_old(std::vector<flow::SecurityRecord>& out);

  std::uint64_t newest_ns_ = 0;
  std::deque<Held> held_;                                          // in order of arrival
  std::map<Identity, std::deque<std::uint64_t>> connects_;         // times of each
  std::deque<std::pair<std::uint64_t, Identity>> connect_order_;   // the same, in order of arrival
};

}  // namespace iris::identity
