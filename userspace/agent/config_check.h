// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"

namespace iris::agent {

/// What is wrong with values that are well-formed each: the key to blame and why.
/// Looks whether the files of the uplink are there.
std::vector<std::pair<std::string, std::string>> check_config(const Config& config);

}  // namespace iris::agent
