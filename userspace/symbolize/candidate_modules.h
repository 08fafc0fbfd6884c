// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace iris::symbolize {

inline constexpr std::size_t kMaxModules = 256;

/// Files in which the frames of process `pid` may lie, as seen from here: what
/// its maps name while it exists, else `executable` and the usual places of C
/// libraries below `root_path` (the container's root; empty for the host's).
/// Wrong guesses do no harm, since only a file with the right build id is used.
std::vector<std::string> candidate_modules(std::uint32_t pid, const std::string& root_path,
                                           const std::string& executable);

}  // namespace iris::symbolize
