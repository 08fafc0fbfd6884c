// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "score.h"

namespace iris::detection {

/// All measures, for people.
std::string text_table(const std::vector<Result>& results);
/// The same, and each scenario's, for machines.
nlohmann::json json_table(const std::vector<Result>& results);
/// One alert a line.
std::string alert_lines(const Result& result);

}  // namespace iris::detection
