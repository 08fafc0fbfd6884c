// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace iris::analysis {

/// What the judge has to tell of itself.
struct JudgeStatus {
  std::uint64_t judged = 0;       // inputs, since the start
  std::uint64_t unreadable = 0;   // of these
  std::uint64_t alerts = 0;       // new or grown
  std::uint64_t profiles = 0;
  std::uint64_t profile_bytes = 0;
  std::uint64_t last_input_wall_ns = 0;  // end of the last batch judged
  std::uint64_t checkpoints = 0;
  std::string fault;              // last error; empty: none
  std::string risky_list_fault;   // the list that was before goes on
};

}  // namespace iris::analysis
