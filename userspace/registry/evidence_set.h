// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "identity/evidence.h"

namespace iris::registry {

/// Evidence of many devices within a fixed amount of memory. Beyond `max_bytes` a device keeps
/// its identity and loses its tags and configuration; beyond `max_count` it is left out.
/// Both are counted.
class EvidenceSet {
 public:
  EvidenceSet(std::size_t max_count, std::size_t max_bytes) : max_count_(max_count), max_bytes_(max_bytes) {}

  /// Of what one source says twice of one thing the later counts: a device can move from a page
  /// to the next while they are read. What `former` has in the same words is taken from there.
  void add(identity::Evidence evidence, const EvidenceSet* former = nullptr);
  void append_to(std::vector<identity::SharedEvidence>& all) const;

  std::size_t size() const { return evidence_.size(); }
  std::size_t left_out() const { return left_out_; }
  std::size_t thinned() const { return thinned_; }
  bool full() const { return evidence_.size() >= max_count_; }

 private:
  /// By what tells two apart.
  struct Before {
    using is_transparent = void;
    bool operator()(const identity::SharedEvidence& a, const identity::SharedEvidence& b) const { return (*this)(*a, *b); }
    bool operator()(const identity::Evidence& a, const identity::SharedEvidence& b) const { return (*this)(a, *b); }
    bool operator()(const identity::SharedEvidence& a, const identity::Evidence& b) const { return (*this)(*a, b); }
    bool operator()(const identity::Evidence& a, const identity::Evidence& b) const;
  };

  std::size_t max_count_;
  std::size_t max_bytes_;
  std::set<identity::SharedEvidence, Before> evidence_;
  std::size_t bytes_ = 0;
  std::size_t left_out_ = 0;
  std::size_t thinned_ = 0;
};

/// The same for the same evidence in the same order, within one run of the program.
std::uint64_t fingerprint(std::span<const identity::SharedEvidence> evidence);

}  // namespace iris::registry
