// SPDX-License-Identifier: Apache-2.0
#include "wire/json_alert.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/rfc3339.h"

namespace iris::wire {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxIdBytes = 128;
constexpr int kMaxDepth = 64;  // printing is recursive

/// null: no object, or nested beyond reason.
Json parsed(std::string_view text) {
  bool too_deep = false;
  const auto callback = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json value = Json::parse(text, callback, false);
  return !too_deep && value.is_object() ? value : Json();
}

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string printed(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

base::Result<AlertHead> read_alert_head(std::string_view json) {
  if (json.size() > kMaxAlertBytes) return base::fail("an alert that is too large");
  // One object a line is what others read.
  const bool one_line = std::none_of(json.begin(), json.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  const Json alert = one_line ? parsed(json) : Json();
  if (!alert.is_object() || text(alert, "type") != "alert") return base::fail("an alert that is none");
  AlertHead head;
  head.id = text(alert, "id");
  if (head.id.empty() || head.id.size() > kMaxIdBytes) return base::fail("an alert without a usable id");
  if (const auto severity = alert.find("severity"); severity != alert.end() && severity->is_number_unsigned()) {
    const auto number = severity->get<std::uint64_t>();
    head.severity = number >= 1 && number <= 5 ? static_cast<int>(number) : 0;
  }
  head.last_wall_ns = base::parse_rfc3339(text(alert, "last_time")).value_or(0);
  return head;
}

std::optional<std::string> short_alert(std::string_view json) {
  Json alert = parsed(json);
  if (!alert.is_object()) return std::nullopt;
  auto& evidence = alert["evidence"];
  if (evidence.is_array() && evidence.size() > 1) evidence.erase(evidence.begin() + 1, evidence.end());
  std::string text = printed(alert);
  if (text.size() <= kMaxAlertBytes) return text;
  alert["evidence"] = Json::array();
  if (auto& device = alert["device"]; device.is_object()) {
    device["tags"] = nullptr;
    device["configuration"] = nullptr;
  }
  text = printed(alert);
  if (text.size() <= kMaxAlertBytes) return text;
  return std::nullopt;
}

}  // namespace iris::wire
