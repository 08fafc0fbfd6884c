// SPDX-License-Identifier: Apache-2.0
#include "identity/json.h"

#include <cmath>

#include "identity/json_scan.h"
#include "identity/secrets.h"
#include "identity/text.h"

namespace iris::identity {

base::Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return base::fail("longer than " + std::to_string(limits.bytes) + " bytes");
  auto prepared = prepare_json(text, limits);
  if (!prepared) return tl::unexpected(std::move(prepared.error()));
  Json value = Json::parse(*prepared, nullptr, false);
  if (value.is_discarded()) return base::fail("not JSON");
  return value;
}

const Json& single(const Json& document) {
  return document.is_array() && !document.empty() ? document.front() : document;
}

const Json* twin_side(const Json& twin, std::string_view side) {
  const Json* properties = member(twin, "properties");
  if (properties == nullptr && side == "desired") return twin.is_object() ? &twin : nullptr;
  const Json* found = properties == nullptr ? nullptr : member(*properties, side);
  return found != nullptr && found->is_object() ? found : nullptr;
}

const Json* member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

const Json* member_any_case(const Json& object, std::initializer_list<std::string_view> names) {
  if (!object.is_object()) return nullptr;
  for (const std::string_view name : names) {
    if (const Json* exact = member(object, name)) return exact;
    for (auto it = object.begin(); it != object.end(); ++it) {
      if (equal_any_case(it.key(), name)) return &*it;
    }
  }
  return nullptr;
}

const Json* at_path(const Json& object, std::initializer_list<std::string_view> names) {
  const Json* value = &object;
  for (const std::string_view name : names) {
    value = member(*value, name);
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string raw_text(const Json* value) {
  if (value == nullptr) return {};
  if (const auto* string = value->get_ptr<const Json::string_t*>()) return *string;
  return value->is_number() ? dump(*value) : std::string();
}

std::string plain_text(const Json* value) {
  return bounded(without_secrets(trimmed(raw_text(value))));
}

std::optional<std::int64_t> whole_number(const Json* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* string = value->get_ptr<const Json::string_t*>()) return parse_number(*string);
  if (value->is_number_unsigned()) {
    const auto number = value->get<std::uint64_t>();
    if (number > INT64_MAX) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value->is_number_integer()) return value->get<std::int64_t>();
  if (value->is_number_float()) {
    const auto number = value->get<double>();
    if (std::abs(number) < 1e15 && number == std::floor(number)) return static_cast<std::int64_t>(number);
  }
  return std::nullopt;
}

std::optional<std::uint16_t> port_number(const Json* value) {
  const auto number = whole_number(value);
  if (!number || *number < 1 || *number > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

bool flag(const Json* value) {
  if (value == nullptr) return false;
  if (const auto* string = value->get_ptr<const Json::string_t*>()) return equal_any_case(*string, "true");
  return value->is_boolean() && value->get<bool>();
}

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace iris::identity
