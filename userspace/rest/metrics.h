// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "rest/api.h"

namespace iris::rest {

/// In the text format of Prometheus, version 0.0.4.
std::string metrics_text(const Sources& sources);

}  // namespace iris::rest
