// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iris::fuzz {

/// Inputs that are a sequence: each part behind its length in two bytes, the lower
/// one first. A length that is too large means what is left.
class Parts {
 public:
  explicit Parts(std::string_view input) : rest_(input) {}

  std::optional<std::string_view> next() {
    if (rest_.size() < 2) return std::nullopt;
    const std::size_t size = static_cast<std::uint8_t>(rest_[0]) | static_cast<std::uint8_t>(rest_[1]) << 8;
    const auto part = rest_.substr(2, size);
    rest_.remove_prefix(2 + part.size());
    return part;
  }

 private:
  std::string_view rest_;
};

inline void append_part(std::string& into, std::string_view part) {
  into += static_cast<char>(part.size());
  into += static_cast<char>(part.size() >> 8);
  into += part;
}

}  // namespace iris::fuzz
