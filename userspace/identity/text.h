// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Small things about text that comes from foreign documents.
namespace iris::identity {

inline constexpr std::size_t kMaxName = 256;   // bytes of a name that was chosen by somebody
inline constexpr std::size_t kMaxHubId = 128;  // characters of a device or module id

std::string lower_case(std::string_view text);  // ASCII only
bool equal_any_case(std::string_view a, std::string_view b);
bool contains_any_case(std::string_view text, std::string_view lower_case_part);
std::string_view trimmed(std::string_view text);

/// At most `max_bytes` of `text`, cut between characters; control characters become '?'.
std::string bounded(std::string_view text, std::size_t max_bytes = kMaxName);

/// Letters, digits and - . + % _ # * ? ! ( ) , = @ $ ', 1 to 128 of them: an id of IoT Hub.
bool is_hub_id(std::string_view id);

/// '*' stands for any characters, also none; case does not matter.
bool matches_pattern(std::string_view pattern, std::string_view text);

/// A whole number in decimal or, behind "0x", in hexadecimal.
std::optional<std::int64_t> parse_number(std::string_view text);

/// Nanoseconds since the Unix epoch of an ISO 8601 time; without an offset it is UTC.
/// 0 when it is none, or says "never" (year 1).
std::uint64_t parse_time(std::string_view text);

}  // namespace iris::identity
