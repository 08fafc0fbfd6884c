// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace iris::iot_hub_emulator {

struct Token {
  enum class Kind { word, text, number, symbol, end };
  Kind kind = Kind::end;
  std::string value;  // of a text: what it means, escapes resolved
  std::size_t at = 0;  // where it begins
};

/// The last one is `end`.
base::Result<std::vector<Token>> query_tokens(std::string_view text);

}  // namespace iris::iot_hub_emulator
