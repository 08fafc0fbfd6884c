// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "identity/json.h"

namespace iris::identity {

/// The text as nlohmann's parser takes it, with what parse_json() promises to forgive mended,
/// and its depth and number of values held to the limits before anything is built of it.
base::Result<std::string> prepare_json(std::string_view text, const JsonLimits& limits);

}  // namespace iris::identity
