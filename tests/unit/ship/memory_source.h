// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "ship/uplink.h"

namespace iris::test_support {

/// A spool without a disk: one window a sequence, several of them in one batch as
/// the spool merges them, at random.
class MemorySource final : public ship::BatchSource {
 public:
  explicit MemorySource(std::uint64_t epoch, unsigned most_merged = 1, unsigned seed = 1)
      : epoch_(epoch), most_merged_(most_merged), random_(seed) {}

  /// Adds a window: one flow and its ledger.
  void add() {
    const auto sequence = ++last_;
    flow::Batch batch;
    batch.start_wall_ns = sequence * 10;
    batch.end_wall_ns = sequence * 10 + 10;
    flow::FlowRecord flow;
    flow.owner = owner_;
    flow.protocol = 6;
    flow.originator_bytes = sequence;
    flow::Ledger ledger;
    ledger.sequence = sequence;
    batch.records = {flow, ledger};
    held_[sequence] = std::move(batch);
  }
  void add(int count) {
    while (count-- > 0) add();
  }
  std::uint64_t last() const { return last_; }
  bool empty() const { return held_.empty(); }
  flow::Batch& batch(std::uint64_t sequence) { return held_.at(sequence); }

  std::uint64_t epoch() const override { return epoch_; }
  /// More than was ever added: what is held goes into a new epoch.
  base::Result<bool> resume(std::uint64_t sequence) override {
    if (sequence <= last_) return true;
    ++epoch_;
    return false;
  }
  std::uint64_t oldest_sequence() const override { return held_.empty() ? 0 : held_.begin()->first; }
  base::Result<std::optional<Next>> next_after(std::uint64_t sequence) override {
    auto at = held_.upper_bound(sequence);
    if (at == held_.end()) return std::nullopt;
    Next next{at->first, at->first, at->second};
    const auto more = std::uniform_int_distribution<unsigned>(0, most_merged_ - 1)(random_);
    for (unsigned i = 0; i < more && ++at != held_.end(); ++i) {
      next.last_sequence = at->first;
      next.batch.end_wall_ns = at->second.end_wall_ns;
      std::copy(at->second.records.begin(), at->second.records.end(), std::back_inserter(next.batch.records));
    }
    return next;
  }
  base::Result<void> acknowledge(std::uint64_t sequence) override {
    held_.erase(held_.begin(), held_.upper_bound(sequence));
    return {};
  }

 private:
  std::uint64_t epoch_;
  unsigned most_merged_;
  std::minstd_rand random_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, flow::Batch> held_;
  flow::OwnerPtr owner_ = [] {
    auto owner = std::make_shared<flow::Owner>();
    owner->name = "module";
    return owner;
  }();
};

}  // namespace iris::test_support
