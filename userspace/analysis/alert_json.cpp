// SPDX-License-Identifier: Apache-2.0
#include "analysis/alert_json.h"

#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "wire/json_writer.h"

namespace iris::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(std::uint64_t wall_ns) { return wall_ns == 0 ? Json() : Json(base::format_rfc3339(wall_ns)); }
Json known(const std::string& text) { return text.empty() ? Json() : Json(text); }

/// What was made by our own writer. Nobody else's text comes here.
Json parsed(const std::string& text) { return text.empty() ? Json() : Json::parse(text, nullptr, false); }

Json evidence_of(const detect::Alert& alert) {
  wire::JsonWriter writer;
  Json list = Json::array();
  for (const auto& record : alert.evidence) {
    std::string line;
    writer.append(line, record);
    list.push_back(parsed(line));
  }
  return list;
}

Json owner_of(const detect::Alert& alert) {
  std::string text;
  wire::JsonWriter().append_owner(text, alert.owner);
  return parsed(text);
}

Json expected_of(const detect::Alert& alert) {
  if (!alert.expected) return {};
  return {{"metric", alert.expected->metric},
          {"low", alert.expected->low},
          {"high", alert.expected->high},
          {"unit", alert.expected->unit}};
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string alert_body(const detect::Alert& alert) {
  return text_of({{"type", "alert"},
                  {"id", alert.id},
                  {"time", time_or_null(alert.wall_ns)},
                  {"last_time", time_or_null(alert.last_wall_ns)},
                  {"class", detect::to_string(alert.alert_class)},
                  {"rule", alert.rule},
                  {"rules", alert.rules},
                  {"severity", static_cast<int>(alert.severity)},
                  {"gateway", known(alert.gateway)},
                  {"owner", owner_of(alert)},
                  {"subject", known(alert.subject)},
                  {"peer", known(alert.peer)},
                  {"summary", alert.summary},
                  {"expected", expected_of(alert)},
                  {"observed", alert.observed ? Json(*alert.observed) : Json()},
                  {"attack_techniques", alert.attack_techniques},
                  {"affected", alert.affected},
                  {"count", alert.count},
                  {"confidence", alert.confidence}});
}

std::string alert_evidence(const detect::Alert& alert) { return text_of(evidence_of(alert)); }

void append_alert(std::string& out, const detect::Alert& alert, const std::string& device) {
  out += alert_body(alert);
  out.pop_back();  // its closing brace
  out += ",\"device\":";
  out += device.empty() ? "null" : device;
  out += ",\"evidence\":";
  out += alert_evidence(alert);
  out += ",\"status\":\"";
  out += detect::to_string(alert.status);
  out += "\"}";
}

}  // namespace iris::analysis
