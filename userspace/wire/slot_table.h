// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace iris::wire {

/// The sender's side of one table of a stream: values by slot, found by hash, the
/// one unused for longest replaced first. A slot used in the block at hand is
/// never replaced. Two values of one hash only cost a definition too many.
template <typename Value>
class SlotTable {
 public:
  explicit SlotTable(std::uint32_t capacity) : capacity_(capacity) {}

  std::optional<std::uint32_t> find(std::uint64_t hash) const {
    const auto found = index_.find(hash);
    return found == index_.end() ? std::nullopt : std::optional(found->second);
  }
  Value& operator[](std::uint32_t slot) { return slots_[slot].value; }

  /// The slot is referred to in this block: it becomes the one used last.
  void use(std::uint32_t slot) {
    if (slots_[slot].block == block_) return;
    slots_[slot].block = block_;
    slots_[slot].batch = batch_;
    unlink(slot);
    link_newest(slot);
  }
  bool used_in_block(std::uint32_t slot) const { return slots_[slot].block == block_; }

  /// A slot for a new value, already used; none when all are used in this block.
  /// `replaced(Value&)` sees what was there before.
  template <typename Replaced>
  std::optional<std::uint32_t> take(std::uint64_t hash, Replaced replaced) {
    const bool grow = slots_.size() < capacity_ && !old_enough(oldest_);
    std::uint32_t slot = oldest_;
    if (grow) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
      link_newest(slot);
    } else {
      if (slots_[slot].block == block_) return std::nullopt;
      replaced(slots_[slot].value);
      const auto at = index_.find(slots_[slot].hash);
      if (at != index_.end() && at->second == slot) index_.erase(at);
    }
    slots_[slot].hash = hash;
    index_[hash] = slot;
    use(slot);
    return slot;
  }

  void next_batch() { ++batch_; }
  void next_block() { ++block_; }
  void clear() {
    slots_.clear();
    index_.clear();
    oldest_ = newest_ = kNone;
  }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  /// A slot unused for so many batches (an hour at rest) is given away before the
  /// table grows, so that it stays as large as what is alive.
  static constexpr std::uint64_t kIdleBatches = 64;

  struct Slot {
    Value value{};
    std::uint64_t hash = 0;
    std::uint64_t batch = 0;
    std::uint64_t block = 0;  // 0: none, blocks count from 1
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;
  };

  bool old_enough(std::uint32_t slot) const { return slot != kNone && batch_ - slots_[slot].batch > kIdleBatches; }
  void unlink(std::uint32_t slot) {
    const auto [older, newer] = std::pair(slots_[slot].older, slots_[slot].newer);
    (older == kNone ? oldest_ : slots_[older].newer) = newer;
    (newer == kNone ? newest_ : slots_[newer].older) = older;
  }
  void link_newest(std::uint32_t slot) {
    slots_[slot].older = newest_;
    slots_[slot].newer = kNone;
    (newest_ == kNone ? oldest_ : slots_[newest_].newer) = slot;
    newest_ = slot;
  }

  std::uint32_t capacity_;
  std::vector<Slot> slots_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
  std::uint64_t batch_ = 0;
  std::uint64_t block_ = 1;
};

}  // namespace iris::wire
