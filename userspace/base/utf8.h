// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace iris::base {

/// One step through text that should be UTF-8 but, coming from the kernel or
/// from a container, may be anything.
struct CodePoint {
  char32_t value = 0;      // U+FFFD when not valid
  std::size_t length = 1;  // bytes taken, at least 1
  bool valid = false;
};

/// Decodes the first code point of `text`, which must not be empty. An invalid
/// sequence takes its longest valid beginning ("maximal subpart", Unicode
/// chapter 3.9), as browsers and JSON libraries do.
CodePoint decode_utf8(std::string_view text);

/// Appends `code_point` as UTF-8.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace iris::base
