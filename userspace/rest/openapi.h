// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace iris::rest {

/// OpenAPI 3.0.3 description of the interface, as JSON.
std::string openapi_document(const std::string& version);

}  // namespace iris::rest
