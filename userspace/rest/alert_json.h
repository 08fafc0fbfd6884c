// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "detect/alert.h"

namespace iris::rest {

/// The alert as the JSON of the contract, without a line feed. `device`: the DEVICE
/// object of Alert.device as text, or empty.
void append_alert(std::string& out, const detect::Alert& alert, const std::string& device);

}  // namespace iris::rest
