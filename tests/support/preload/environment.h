// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace iris::test {

/// Variables for a child, NAME and value.
using Variables = std::vector<std::pair<std::string, std::string>>;

}  // namespace iris::test
