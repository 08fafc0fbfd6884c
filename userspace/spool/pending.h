// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "flow/batch.h"

namespace iris::spool {

/// Batches in memory that the disk has not taken. Bounded: the oldest are merged
/// into one, and when even that is too much, dropped and named as a gap.
class Pending {
 public:
  struct Entry {
    flow::Batch batch;
    std::uint64_t windows = 1;
    std::uint64_t flows = 0;   // summaries as appended
    std::size_t bytes = 0;     // about, in memory
  };

  void push(flow::Batch batch);
  /// Puts the entries within their bounds; the newest stays whatever it takes.
  /// Returns the windows dropped for it.
  std::uint64_t shrink();
  bool empty() const { return entries_.empty(); }
  const Entry& front() const { return entries_.front(); }
  void pop_front();
  std::uint64_t windows() const;

  /// For the next batch that is written; emptied by who wrote it.
  std::vector<flow::Gap>& gaps() { return gaps_; }

 private:
  static Entry entry_of(flow::Batch batch);
  void drop_front();

  std::deque<Entry> entries_;
  std::vector<flow::Gap> gaps_;
  std::map<std::string, std::string> keep_;  // of batches dropped, for the next
  std::size_t bytes_ = 0;
};

}  // namespace iris::spool
