// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "flow/records.h"

namespace iris::agent {

/// Which DNS answers say nothing new: the same owner was told the same within the
/// hour. Programs ask the same name again and again, and each answer would be a
/// record on a metered link, though the flows tell how often a name server was asked.
/// Lives on the capture thread; by the records' own time; bounded.
class RepeatedAnswers {
 public:
  static constexpr std::chrono::nanoseconds kNewsAgainAfter = std::chrono::hours(1);
  static constexpr std::size_t kMaxKnown = 4096;  // beyond this all are news again

  /// True: known. False: news, and known from now on.
  bool repeats(const flow::DnsRecord& answer);

 private:
  std::unordered_map<std::string, std::uint64_t> told_;  // answer as text: when, wall clock
};

}  // namespace iris::agent
