// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace iris::detect {

/// A part of what a judge knows, to be kept and given to another judge later, which
/// then goes on as this one would have.
struct State {
  enum class Kind : std::uint8_t { profile, gateway };
  Kind kind = Kind::profile;
  std::string key;    // of the profile, or the gateway's name
  std::string bytes;  // versioned, little-endian (judge_state.cpp)
};

}  // namespace iris::detect
