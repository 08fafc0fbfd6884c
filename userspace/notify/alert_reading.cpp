// SPDX-License-Identifier: Apache-2.0
#include "notify/alert_reading.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/rfc3339.h"

namespace iris::notify {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxListed = 64;  // rules, techniques: what a line has room for

const Json& member(const Json& object, const char* name) {
  static const Json kNull;
  const auto found = object.find(name);  // end() of what is no object
  return found == object.end() ? kNull : *found;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }
std::string text(const Json& object, const char* name) { return text(member(object, name)); }

std::optional<std::uint64_t> number(const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

std::uint64_t port(const Json& object, const char* name) {
  const auto value = number(object, name).value_or(0);
  return value <= 65'535 ? value : 0;
}

std::uint64_t time(const Json& object, const char* name) { return base::parse_rfc3339(text(object, name)).value_or(0); }

std::vector<std::string> texts(const Json& object, const char* name) {
  std::vector<std::string> found;
  const Json& list = member(object, name);
  if (!list.is_array()) return found;
  for (const Json& item : list) {
    if (found.size() == kMaxListed) break;
    if (item.is_string() && !text(item).empty()) found.push_back(text(item));
  }
  return found;
}

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const auto& one : candidates) {
    if (!one.empty()) return one;
  }
  return {};
}

bool is_conversation(const std::string& type) {
  static constexpr std::array kTypes = {"flow", "connect", "accept", "established", "failed", "close", "udp"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

/// Of a flow or of an event of one connection; a flow knows no more ports than that of the service.
Conversation conversation_of(const Json& record) {
  Conversation made;
  made.outgoing = text(record, "role") != "responder";
  auto ours = base::IpAddress::parse(text(record, "local_address"));
  auto theirs = base::IpAddress::parse(text(record, "peer_address"));
  const auto service = port(record, "service_port");
  auto our_port = port(record, "local_port");
  auto their_port = port(record, "peer_port");
  if (!made.outgoing) {
    std::swap(ours, theirs);
    std::swap(our_port, their_port);
  }
  made.source = ours;
  made.destination = theirs;
  made.source_port = our_port;
  made.destination_port = service != 0 ? service : their_port;
  made.protocol = text(record, "protocol");
  const auto names = texts(record, "peer_names");
  if (!names.empty()) made.peer_name = names.front();
  made.source_bytes = number(record, "originator_bytes");
  made.destination_bytes = number(record, "responder_bytes");
  return made;
}

void take_evidence(AlertReading& reading, const Json& evidence) {
  if (!evidence.is_array()) return;
  for (const Json& record : evidence) {
    if (!reading.conversation && is_conversation(text(record, "type"))) reading.conversation = conversation_of(record);
    if (reading.process.empty()) {
      const auto names = texts(record, "processes");
      reading.process = names.empty() ? text(record, "process") : names.front();
      if (!reading.process.empty()) reading.pid = number(record, "pid").value_or(0);
    }
    for (const char* name : {"first_seen", "window_start", "time"}) {
      const auto begin = time(record, name);
      if (begin == 0) continue;
      if (reading.first_wall_ns == 0 || begin < reading.first_wall_ns) reading.first_wall_ns = begin;
      break;
    }
  }
}

}  // namespace

base::Result<AlertReading> read_alert(std::string_view json) {
  if (json.size() > kMaxAlertBytes) return base::fail("the alert is too large to be sent", base::Error::Kind::usage);
  const Json alert = Json::parse(json, nullptr, false);
  if (!alert.is_object()) return base::fail("the alert is no JSON object", base::Error::Kind::usage);
  AlertReading reading;
  reading.id = text(alert, "id");
  reading.alert_class = text(alert, "class");
  reading.rule = text(alert, "rule");
  reading.rules = texts(alert, "rules");
  if (reading.rules.empty() && !reading.rule.empty()) reading.rules.push_back(reading.rule);
  if (const auto severity = number(alert, "severity")) {
    reading.severity = static_cast<int>(std::clamp<std::uint64_t>(*severity, 1, 5));
  }
  reading.gateway = text(alert, "gateway");
  const Json& owner = member(alert, "owner");
  reading.module = first_of({text(owner, "module_id"), text(owner, "name"), text(owner, "container_id")});
  reading.image = text(owner, "image");
  reading.device = first_of({text(member(alert, "device"), "id"), text(alert, "device")});
  reading.subject = text(alert, "subject");
  reading.summary = text(alert, "summary");
  reading.attack_techniques = texts(alert, "attack_techniques");
  reading.count = number(alert, "count").value_or(0);
  reading.status = text(alert, "status");
  take_evidence(reading, member(alert, "evidence"));
  const auto found = time(alert, "time");
  if (reading.first_wall_ns == 0 || (found != 0 && found < reading.first_wall_ns)) reading.first_wall_ns = found;
  reading.last_wall_ns = std::max(found, time(alert, "last_time"));
  return reading;
}

}  // namespace iris::notify
