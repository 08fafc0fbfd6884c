// SPDX-License-Identifier: Apache-2.0
#include "identity/clean.h"

#include "identity/secrets.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr int kMaxJsonInStrings = 2;      // a document in a string in a string is nobody's configuration
constexpr std::size_t kMarkerBytes = 32;  // ,"$truncated":NNNNNNNN
constexpr std::size_t kLeastWorthwhile = 64;

Json clean_value(const Json& value, int strings_left);

bool is_service_name(std::string_view key) { return key == "$metadata" || key == "$version"; }

/// {"name":"DB_PASSWORD","value":"x"}: the secret's name is a value itself.
bool is_named_secret(const Json& object) {
  for (const char* label : {"name", "key", "id"}) {
    const Json* name = member_any_case(object, {label});
    if (name != nullptr && name->is_string() && member_any_case(object, {"value"}) != nullptr &&
        is_secret_name(raw_text(name))) {
      return true;
    }
  }
  return false;
}

Json clean_members(const Json& object, int strings_left) {
  Json out = Json::object();
  const bool named_secret = is_named_secret(object);
  const bool is_pair = member_any_case(object, {"value"}) != nullptr;
  for (const auto& [key, value] : object.items()) {
    if (is_service_name(key) || value.is_null() || holds_secret(key)) continue;
    const bool label_of_pair = is_pair && equal_any_case(key, "key");
    if (is_secret_name(key) && !label_of_pair) continue;
    if (named_secret && equal_any_case(key, "value")) continue;
    out[bounded(key)] = clean_value(value, strings_left);
  }
  return out;
}

Json clean_elements(const Json& array, int strings_left) {
  Json out = Json::array();
  bool secret_follows = false;  // ["--password", "x"]
  for (const Json& element : array) {
    if (secret_follows && !element.is_structured()) {
      out.push_back(kRemoved);
      secret_follows = false;
      continue;
    }
    const auto* option = element.get_ptr<const Json::string_t*>();
    if (option != nullptr && (option->starts_with("-p=") || option->starts_with("-u="))) {
      out.push_back(kRemoved);
      continue;
    }
    secret_follows = option != nullptr && option->starts_with('-') &&
                     (*option == "-p" || *option == "-u" || is_secret_name(*option));
    out.push_back(clean_value(element, strings_left));
  }
  return out;
}

Json clean_string(const std::string& text, int strings_left) {
  const std::string_view inner = trimmed(text);
  if (inner.starts_with('{') || inner.starts_with('[')) {
    if (strings_left == 0) return kRemoved;
    if (const auto document = parse_json(inner)) return dump(clean_value(*document, strings_left - 1));
    if (inner.starts_with('{') || inner.find('{') != std::string_view::npos) return kRemoved;  // cannot be looked through
  }
  return without_secrets(text);
}

Json clean_value(const Json& value, int strings_left) {
  if (value.is_object()) return clean_members(value, strings_left);
  if (value.is_array()) return clean_elements(value, strings_left);
  if (const auto* text = value.get_ptr<const Json::string_t*>()) return clean_string(*text, strings_left);
  return value;
}

/// Takes the members in order, and of an object that does not fit what does.
Json fitting(const Json& object, std::size_t max_bytes) {
  Json out = Json::object();
  std::size_t used = 2 + kMarkerBytes;
  std::size_t left_out = 0;
  for (const auto& [key, value] : object.items()) {
    const std::size_t key_bytes = dump(Json(key)).size() + 2;
    const std::size_t bytes = key_bytes + dump(value).size();
    if (used + bytes <= max_bytes) {
      out[key] = value;
      used += bytes;
    } else if (value.is_object() && used + key_bytes + kLeastWorthwhile <= max_bytes) {
      Json part = fitting(value, max_bytes - used - key_bytes);
      used += key_bytes + dump(part).size();
      out[key] = std::move(part);
    } else {
      ++left_out;
    }
  }
  if (left_out > 0) out[kTruncated] = left_out;
  return out;
}

}  // namespace

Json cleaned(const Json& value) { return clean_value(value, kMaxJsonInStrings); }

std::string clean_object(const Json& object, std::size_t max_bytes) {
  if (!object.is_object()) return {};
  const Json clean = cleaned(object);
  if (clean.empty()) return {};
  std::string text = dump(clean);
  return text.size() <= max_bytes ? text : dump(fitting(clean, max_bytes));
}

}  // namespace iris::identity
