// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
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
  /// to the next while they are read.
  void add(identity::Evidence evidence);
  void append_to(std::vector<identity::Evidence>& all) const;
  const std::map<std::string, identity::Evidence>& items() const { return evidence_; }

  std::size_t size() const { return evidence_.size(); }
  std::size_t left_out() const { return left_out_; }
  std::size_t thinned() const { return thinned_; }
  bool full() const { return evidence_.size() >= max_count_; }

 private:
  std::size_t max_count_;
  std::size_t max_bytes_;
  std::map<std::string, identity::Evidence> evidence_;
  std::size_t bytes_ = 0;
  std::size_t left_out_ = 0;
  std::size_t thinned_ = 0;
};

/// The same for the same evidence in the same order, within one run of the program.
class Fingerprint {
 public:
  void add(const identity::Evidence& evidence);
  std::uint64_t value() const { return value_; }

 private:
  void mix(std::uint64_t value);
  void mix(const std::string& text);

  std::uint64_t value_ = 0;
};
std::uint64_t fingerprint(const std::vector<identity::Evidence>& evidence);

}  // namespace iris::registry
