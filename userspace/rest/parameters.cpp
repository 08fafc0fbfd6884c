// SPDX-License-Identifier: Apache-2.0
#include "rest/parameters.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/rfc3339.h"
#include "detect/alert.h"

namespace iris::rest {
namespace {

constexpr std::size_t kMaxNameBytes = 1'024;

std::optional<std::size_t> number(std::string_view text, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

std::string between(std::size_t least, std::size_t most) {
  return "wants a number from " + std::to_string(least) + " to " + std::to_string(most);
}

std::string take_name(std::string& into, const std::string& value) {
  if (value.empty() || value.size() > kMaxNameBytes) return "wants a name of at most 1024 bytes";
  into = value;
  return {};
}

std::string take_time(std::uint64_t& into, const std::string& value) {
  const auto time = base::parse_rfc3339(value);
  if (!time) return "wants a time such as 2026-01-02T03:04:05Z (a + is written %2B)";
  into = *time;
  return {};
}

std::string take_number(std::size_t& into, const std::string& value, std::size_t least, std::size_t most) {
  const auto read = number(value, least, most);
  if (!read) return between(least, most);
  into = *read;
  return {};
}

std::string take_class(std::string& into, const std::string& value) {
  std::string all;
  for (std::size_t i = 0; i < detect::kAlertClasses; ++i) {
    const std::string name = detect::to_string(static_cast<detect::AlertClass>(i));
    if (name == value) into = value;
    all += (all.empty() ? "" : ", ") + name;
  }
  return into == value ? std::string() : "wants one of " + all;
}

std::string take_status(std::optional<store::AlertState>& into, const std::string& value) {
  if (value == "open") into = store::AlertState::open;
  if (value == "acknowledged") into = store::AlertState::acknowledged;
  if (value == "false_positive") into = store::AlertState::false_positive;
  if (value == "closed") into = store::AlertState::closed;
  return into ? std::string() : "wants open, acknowledged, false_positive or closed";
}

/// What is wrong with the value; empty: nothing.
std::string take(Parameters& into, const std::string& name, const std::string& value) {
  auto& query = into.flows;
  if (name == "gateway") return take_name(into.gateway, value);
  if (name == "owner") return take_name(query.owner, value);
  if (name == "from") return take_time(query.range.start_wall_ns, value);
  if (name == "to") return take_time(query.range.end_wall_ns, value);
  if (name == "limit") return take_number(query.limit, value, 1, kMaxLimit);
  if (name == "offset") return take_number(query.offset, value, 0, kMaxOffset);
  if (name == "device") return take_name(into.device, value);
  if (name == "key") return take_name(into.key, value);
  if (name == "class") return take_class(into.alert_class, value);
  if (name == "status") return take_status(into.status, value);
  if (name == "severity") {
    std::size_t severity = 0;
    auto wrong = take_number(severity, value, 1, 5);
    into.severity = static_cast<int>(severity);
    return wrong;
  }
  if (name == "address") {
    // One spelling for each IP address; serial lines and MAC addresses are text.
    const auto ip = base::IpAddress::parse(value);
    return take_name(into.address, ip ? ip->to_string() : value);
  }
  if (name == "history") {
    into.history = value == "true";
    return into.history || value == "false" ? "" : "wants true or false";
  }
  if (name == "peer") {
    query.peer = base::Cidr::parse(value);
    return query.peer ? "" : "wants an address or a block such as 198.51.100.0/24";
  }
  std::size_t port = 0;
  auto wrong = take_number(port, value, 1, UINT16_MAX);
  if (wrong.empty()) query.port = static_cast<std::uint16_t>(port);
  return wrong;
}

base::Result<Parameters> bad(std::string message) { return base::fail(std::move(message), base::Error::Kind::usage); }

}  // namespace

base::Result<Parameters> parse_parameters(const std::multimap<std::string, std::string>& given,
                                          std::initializer_list<std::string_view> allowed) {
  Parameters parameters;
  parameters.flows.limit = kDefaultLimit;
  for (const auto& [name, value] : given) {
    const auto shown = name.substr(0, 64);
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) return bad("no parameter '" + shown + "' here");
    if (given.count(name) > 1) return bad("'" + shown + "' is given more than once");
    if (const auto wrong = take(parameters, name, value); !wrong.empty()) return bad("'" + shown + "' " + wrong);
  }
  if (parameters.flows.range.start_wall_ns > parameters.flows.range.end_wall_ns) return bad("'from' is after 'to'");
  return parameters;
}

}  // namespace iris::rest
