// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "detect/judge.h"
#include "flow/batch.h"

namespace iris::live {

/// An alert as it was first told in a part of the play.
struct Sighting {
  detect::Alert alert;
  std::string part;
  std::uint64_t told_ns = 0;  // end of the batch that told it, in played time
  bool first = false;         // no earlier part told of it
};

/// Plays recorded batches into one judge, one behind the other without a gap, whatever time
/// they were recorded at.
class Play {
 public:
  explicit Play(std::uint64_t start_ns) : now_ns_(start_ns) {}

  /// What follows belongs to this part; an alert that goes on is told anew in each part.
  void begin(std::string part) {
    part_ = std::move(part);
    told_.clear();
  }
  void play(std::span<const flow::Batch> batches);
  /// Over and over, as often as fits but at least once.
  void repeat(std::span<const flow::Batch> batches, std::uint64_t length_ns);
  /// After each batch as much of `between` as makes `length_ns`: slow motion.
  void stretch(std::span<const flow::Batch> batches, std::span<const flow::Batch> between, std::uint64_t length_ns);

  /// What an analyst does with the alerts so far: looks at them, and calls them harmless.
  void call_harmless();

  std::uint64_t now_ns() const { return now_ns_; }
  /// Where in the play `wall_ns` lies, which is in the batches played last.
  std::uint64_t played(std::uint64_t wall_ns) const { return wall_ns + static_cast<std::uint64_t>(shift_ns_); }
  /// Alerts of medium severity or more.
  const std::vector<Sighting>& sightings() const { return sightings_; }
  const detect::Judge& judge() const { return judge_; }

 private:
  void one(const flow::Batch& batch);

  detect::Judge judge_;
  std::uint64_t now_ns_;
  std::int64_t shift_ns_ = 0;
  std::string part_;
  std::set<std::string> told_;  // in this part
  std::set<std::string> ever_;
  std::vector<Sighting> sightings_;
};

}  // namespace iris::live
