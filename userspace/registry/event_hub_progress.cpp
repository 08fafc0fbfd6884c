// SPDX-License-Identifier: Apache-2.0
#include "registry/event_hub_progress.h"

#include <algorithm>

namespace iris::registry {
namespace {
constexpr std::int64_t kClocksDiffer_ms = 5 * 60 * 1000;
constexpr std::uint64_t kWindow = 64;
}  // namespace

PartitionProgress::Verdict PartitionProgress::take(const Event& event) {
  Verdict verdict = Verdict::fresh;
  bool newest = true;
  if (event.sequence) {
    const std::int64_t sequence = *event.sequence;
    if (!highest_) {
      highest_ = sequence;
      read_ = ~std::uint64_t{0};  // what lies before was not asked for
    } else if (sequence > *highest_) {
      const auto step = static_cast<std::uint64_t>(sequence) - static_cast<std::uint64_t>(*highest_);
      read_ = step >= kWindow ? 0 : read_ << step;
      read_ |= 1;
      highest_ = sequence;
    } else {
      const auto back = static_cast<std::uint64_t>(*highest_) - static_cast<std::uint64_t>(sequence);
      if (back < kWindow && (read_ >> back & 1) == 0) {
        read_ |= std::uint64_t{1} << back;
        newest = false;  // late: read it, but the position stays
      } else if (event.enqueued_ms > newest_ms_ && newest_ms_ != 0) {
        // A repeated event has its old time. This one is newer than all with higher numbers.
        highest_ = sequence;
        read_ = ~std::uint64_t{0};
        verdict = Verdict::restarted;
      } else {
        return Verdict::repeated;
      }
    }
  }
  newest_ms_ = std::max(newest_ms_, event.enqueued_ms);
  if (newest && !event.offset.empty()) begin_after(event.offset);
  return verdict;
}

std::optional<std::string> PartitionProgress::checkpoint() const {
  if (position_.kind != Position::Kind::after_offset) return std::nullopt;
  return position_.offset;
}

void PartitionProgress::attached_at_latest(std::int64_t now_ms) {
  if (position_.kind != Position::Kind::latest) return;
  position_ = {Position::Kind::enqueued_from, {}, now_ms - kClocksDiffer_ms};
}

bool PartitionProgress::lose_position() {
  // The numbers stay: what comes again is dropped, and a hub made anew shows by its times.
  const bool knows_time = newest_ms_ != 0 && position_.kind == Position::Kind::after_offset;
  if (knows_time) position_ = {Position::Kind::enqueued_from, {}, newest_ms_};
  else position_ = {Position::Kind::earliest, {}, 0};
  return !knows_time;
}

}  // namespace iris::registry
