// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace iris::notify {

/// A text that is wiped when it goes. Has no way into a stream or a formatter.
class WipedText {
 public:
  WipedText() = default;
  explicit WipedText(std::string text) : text_(std::move(text)) {}
  WipedText(WipedText&& other) noexcept;
  WipedText(const WipedText&) = delete;
  ~WipedText();
  std::string_view reveal() const { return text_; }

 private:
  std::string text_;
};

/// Content of a small file, without the blanks and line feeds around it. Errors name the
/// file and never its content: it cannot be read, is empty, too large, or not one line
/// of printable ASCII (a header could not hold it).
base::Result<WipedText> read_secret_file(const std::string& path);

}  // namespace iris::notify
