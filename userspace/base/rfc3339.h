// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iris::base {

/// "2026-01-02T03:04:05Z", with nanoseconds only when there are any.
std::string format_rfc3339(std::uint64_t wall_ns);
/// Nanoseconds since the Unix epoch; any offset, up to nine digits of fraction.
/// None when it is no such time, or not between 1970 and 2262.
std::optional<std::uint64_t> parse_rfc3339(std::string_view text);

}  // namespace iris::base
