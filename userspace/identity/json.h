// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// The one door for foreign JSON. For the readers of this folder only: their own
/// headers speak of plain text.
namespace iris::identity {

using Json = nlohmann::json;

struct JsonLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t depth = 64;
  std::size_t values = 100'000;  // of all kinds; one costs up to about 100 bytes of memory
  bool comments = false;         // also allow // and /* */ and a comma behind the last member
};

/// Parses. Lenient where nothing is lost: bytes that are no UTF-8 and single surrogates
/// become U+FFFD, raw control characters in strings blanks, numbers beyond a double null; a byte
/// order mark is passed over. Of members with the same name the last wins.
base::Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// Hands each element of an array to `take`, as text and one at a time, so that pages of any
/// length cost the memory of one element. A single object is an array of one. Stops at what
/// is no JSON: elements before it have been taken.
base::Result<void> each_element(std::string_view text, const std::function<void(std::string_view)>& take);

/// The document itself, or the first of an array, as a query for a single twin gives it.
const Json& single(const Json& document);
/// properties.desired or properties.reported of a twin. A document without `properties` stands for its own
/// desired ones: some modules read the same from a file. nullptr when there is no such object.
const Json* twin_side(const Json& twin, std::string_view side);

/// The member of that very name; nullptr when there is none, or `object` is none.
const Json* member(const Json& object, std::string_view name);
/// The first of `names` that is there, in any case.
const Json* member_any_case(const Json& object, std::initializer_list<std::string_view> names);
/// Walks down members of these very names.
const Json* at_path(const Json& object, std::initializer_list<std::string_view> names);

/// The string, or the number as text; otherwise "". Not bounded, may hold secrets.
std::string raw_text(const Json* value);
/// The same, bounded, free of control characters, and without what secrets.h finds.
std::string plain_text(const Json* value);
/// A whole number, also one in a string (decimal or 0x..).
std::optional<std::int64_t> whole_number(const Json* value);
/// 1 to 65535.
std::optional<std::uint16_t> port_number(const Json* value);
/// true, or "true" in any case.
bool flag(const Json* value);
/// Always text that is UTF-8.
std::string dump(const Json& value);

}  // namespace iris::identity
