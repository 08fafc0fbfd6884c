// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace iris::collector {

/// An alert, given as the JSON of the contract, in lines for people; `whole`: with what
/// was expected, its techniques and its evidence.
std::string alert_text(const std::string& json, bool whole);

}  // namespace iris::collector
