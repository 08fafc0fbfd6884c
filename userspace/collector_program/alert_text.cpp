// SPDX-License-Identifier: Apache-2.0
#include "collector_program/alert_text.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

namespace iris::collector {
namespace {

using Json = nlohmann::ordered_json;

/// Control characters of foreign names must not reach a terminal.
std::string plain(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  return plain(found->is_string() ? found->get<std::string>() : found->dump());
}

/// Without the fraction of the second.
std::string moment(const Json& object, const char* name) {
  const std::string time = text(object, name);
  constexpr std::size_t kSeconds = std::string_view("2026-01-02T03:04:05").size();
  return time.size() > kSeconds ? time.substr(0, kSeconds) + "Z" : time;
}

const char* severity(const Json& object) {
  constexpr std::array kNames{"information", "low", "medium", "high", "critical"};
  const auto found = object.find("severity");
  const int number = found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
  return number >= 1 && number <= static_cast<int>(kNames.size()) ? kNames[static_cast<std::size_t>(number) - 1] : "?";
}

std::string joined(const Json& object, const char* name) {
  std::string all;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return all;
  for (const auto& item : *found)
    if (item.is_string()) all += (all.empty() ? "" : ", ") + plain(item.get<std::string>());
  return all;
}

void add_detail(std::string& out, const char* name, const std::string& value) {
  if (!value.empty()) out += fmt::format("    {:<12} {}\n", name, value);
}

void add_details(std::string& out, const Json& alert) {
  add_detail(out, "first", moment(alert, "time"));
  add_detail(out, "last", moment(alert, "last_time"));
  add_detail(out, "gateway", text(alert, "gateway"));
  add_detail(out, "rules", joined(alert, "rules"));
  if (const auto expected = alert.find("expected"); expected != alert.end() && expected->is_object()) {
    add_detail(out, "expected", fmt::format("{}: {} to {} {}", text(*expected, "metric"), text(*expected, "low"),
                                            text(*expected, "high"), text(*expected, "unit")));
  }
  add_detail(out, "observed", text(alert, "observed"));
  add_detail(out, "ATT&CK", joined(alert, "attack_techniques"));
  add_detail(out, "affected", joined(alert, "affected"));
  add_detail(out, "confidence", text(alert, "confidence"));
  if (const auto device = alert.find("device"); device != alert.end() && device->is_object()) {
    add_detail(out, "device", text(*device, "id"));
    add_detail(out, "tags", text(*device, "tags"));
    add_detail(out, "configured", text(*device, "configuration"));
  }
  if (const auto evidence = alert.find("evidence"); evidence != alert.end() && evidence->is_array())
    for (const auto& record : *evidence) add_detail(out, "evidence", plain(record.dump()));
}

}  // namespace

std::string alert_text(const std::string& json, bool whole) {
  const Json alert = Json::parse(json, nullptr, false);
  if (!alert.is_object()) return {};
  const std::string peer = text(alert, "peer");
  std::string out = fmt::format("{}  {:<11}  {:<20}  {}{}{}  x{}  {}  {}\n    {}\n", moment(alert, "last_time"),
                                severity(alert), text(alert, "class"), text(alert, "subject"), peer.empty() ? "" : " -> ",
                                peer, text(alert, "count"), text(alert, "status"), text(alert, "id"),
                                text(alert, "summary"));
  if (whole) add_details(out, alert);
  return out;
}

}  // namespace iris::collector
