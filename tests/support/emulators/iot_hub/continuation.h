// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace iris::iot_hub_emulator {

/// Makes and reads x-ms-continuation tokens. They are opaque, sealed against change, good
/// for one query only, and hold what a client could stumble over: JSON, both quotes, '%',
/// backslashes, '+', '/', '=', ';' and blanks inside.
class Continuations {
 public:
  Continuations();
  /// `position`: where the next page begins, any bytes.
  std::string make(std::string_view query, std::string_view position) const;
  /// The position; nothing when the token is not of this query, or not ours.
  std::optional<std::string> read(std::string_view query, std::string_view token) const;

 private:
  std::string seal(std::string_view query, std::string_view position) const;

  std::array<unsigned char, 32> secret_{};
};

}  // namespace iris::iot_hub_emulator
