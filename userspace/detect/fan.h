// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace iris::detect {

/// Whom, and which ports, one workload tried in a stretch of time: the sign of a
/// scan. Bounded: exact up to kMembers, then it only knows "that many or more";
/// of the groups those with the fewest attempts make room.
class Fan {
 public:
  static constexpr std::size_t kGroups = 24;
  static constexpr std::size_t kMembers = 64;

  struct Group {
    std::uint64_t key = 0;
    std::vector<std::uint64_t> members;  // sorted
    std::uint64_t attempts = 0;
    std::uint64_t unanswered = 0;

    double unanswered_share() const {
      return attempts > 0 ? static_cast<double>(unanswered) / static_cast<double>(attempts) : 0;
    }
  };

  explicit Fan(std::uint64_t length_s) : length_ns_(length_s * 1'000'000'000) {}

  /// Adds one try of `member` in the group `key`; forgets what is older than the length.
  const Group& add(std::uint64_t now_ns, std::uint64_t key, std::uint64_t member, std::uint64_t attempts,
                   std::uint64_t unanswered);
  const std::vector<Group>& groups() const { return groups_; }

 private:
  friend struct StateAccess;
  std::uint64_t length_ns_;
  std::uint64_t start_ns_ = 0;
  std::vector<Group> groups_;
};

}  // namespace iris::detect
