// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "registry/event_hub_amqp.h"

namespace iris::registry {

/// How far one partition has been read. Pure.
///
/// Sequence numbers grow by the service's word, with gaps. What was read already is told
/// by the highest number and by which of the 64 before it were read, so that an event
/// that comes late is not taken for one that comes twice.
class PartitionProgress {
 public:
  /// `begin`: from where, as long as nothing has been read.
  explicit PartitionProgress(Position begin) : position_(std::move(begin)) {}

  enum class Verdict : std::uint8_t {
    fresh,
    repeated,   // read before: to be dropped
    restarted,  // the partition counts anew (the hub was made again): fresh
  };
  /// Decides on an event and moves the position behind it.
  Verdict take(const Event& event);

  /// Where to attach.
  const Position& position() const { return position_; }
  /// Opaque offset of the last event; nothing while none was read or given.
  std::optional<std::string> checkpoint() const;

  /// Begins behind `offset`, of which nothing came here yet.
  void begin_after(std::string offset) { position_ = {Position::Kind::after_offset, std::move(offset), 0}; }
  /// An attach for new events only at `now_ms` (Unix). An attach after that has to
  /// take up what came between, with room for clocks that differ.
  void attached_at_latest(std::int64_t now_ms);
  /// The service no longer takes the position: goes on from the time of the last event,
  /// or from the start. True: from the start.
  bool lose_position();

 private:
  Position position_;
  std::optional<std::int64_t> highest_;
  std::uint64_t read_ = 0;  // bit n: highest_ - n was read, or lies before the begin
  std::int64_t newest_ms_ = 0;
};

}  // namespace iris::registry
