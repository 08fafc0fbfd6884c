// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policy/grant.h"
#include "policy/policy.h"

namespace iris::policy {

/// Conversations and bytes of some summaries.
struct Tally {
  std::uint64_t summaries = 0;
  std::uint64_t conversations = 0;  // opened
  std::uint64_t answered = 0;       // of these
  std::uint64_t bytes = 0;

  void add(const profile::Observation& seen);
};

/// What a policy would have done to flow summaries, as its format enforces it: with what the
/// format cannot filter, and without what it cannot say. Pure; bounded, whatever comes.
class DryRun {
 public:
  static constexpr std::size_t kMaxLines = 20;    // told one by one
  static constexpr std::size_t kMaxKinds = 4096;  // kept apart

  DryRun(const Policy& policy, Format format);

  /// In any order; of the workload alone.
  void add(const std::string& gateway, const flow::FlowRecord& record, Side side);

  bool would_lose() const { return lost_.summaries > 0; }
  /// For people; ends with the verdict.
  std::string text() const;
  /// One object.
  std::string json() const;

 private:
  struct Line {
    flow::Role role = flow::Role::originator;
    std::string service;
    std::string peer;
    const char* kind = "";
    Tally tally;
  };
  using Key = std::pair<std::pair<flow::Role, std::string>, std::pair<std::string, std::string>>;

  bool is_filtered(const std::string& gateway, const flow::FlowRecord& record, const profile::Observation& seen,
                   Side side) const;
  std::vector<Line> worst() const;
  std::string verdict() const;

  const Policy& policy_;
  Format format_;
  Grants grants_;
  Tally allowed_;
  Tally lost_;
  Tally not_filtered_;
  Tally not_known_;  // folded, or without a port: nothing to judge by
  std::map<Key, Tally> lines_;
  Tally others_;  // lost, beyond kMaxKinds
};

}  // namespace iris::policy
