// SPDX-License-Identifier: Apache-2.0
// What can be asked for: queries, twins, the registry, statistics, configurations.
#include <charconv>
#include <optional>

#include "emulators/iot_hub/service.h"

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMostListed = 1'000;

std::optional<std::size_t> number_from(const std::string& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// Of a list without paging; `top` is at most 1000.
std::optional<std::size_t> top_of(const emulator::Request& request) {
  const auto found = request.query.find("top");
  if (found == request.query.end()) return kMostListed;
  const auto top = number_from(found->second);
  return top && *top >= 1 && *top <= kMostListed ? top : std::nullopt;
}

bool is_system_module(const std::string& key) {
  const auto name = std::string_view(key).substr(key.find('\0') + 1);
  return name == "$edgeAgent" || name == "$edgeHub";
}

/// Where a page begins: how many rows went before, and the key of the last of them.
struct Position {
  std::size_t rows = 0;
  std::string key;

  std::string text() const { return std::to_string(rows) + ":" + key; }
  static std::optional<Position> from(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const auto rows = number_from(text.substr(0, colon));
    return rows ? std::optional(Position{*rows, text.substr(colon + 1)}) : std::nullopt;
  }
};

}  // namespace

emulator::Response Service::query(const Request& request, const Fault* fault) {
  if (!request.header("content-type").starts_with("application/json")) {
    return error(415, "UnsupportedMediaType", "a query is application/json");
  }
  const auto body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("query") || !body["query"].is_string()) {
    return error(400, "ArgumentInvalid", "no query in the body");
  }
  const auto parsed = parse_query(body["query"].get_ref<const std::string&>());
  if (!parsed) return error(400, "ArgumentInvalid", parsed.error().message);
  std::size_t size = kDefaultPage;
  if (request.has_header("x-ms-max-item-count")) {
    const auto asked = number_from(request.header("x-ms-max-item-count"));
    if (!asked || *asked == 0) return error(400, "ArgumentInvalid", "x-ms-max-item-count is no number above 0");
    size = *asked;
  }
  size = std::min({size, options_.largest_page, kMostListed});
  std::string position;
  if (request.has_header("x-ms-continuation")) {
    // Only with the query that it was given for.
    auto read = continuations_.read(request.body, request.header("x-ms-continuation"));
    if (!read) return error(400, "ArgumentInvalid", "x-ms-continuation is not one of this query");
    position = std::move(*read);
  }
  return page(*parsed, request.body, position, size, fault != nullptr && fault->kind == Fault::Kind::empty_page);
}

emulator::Response Service::page(const Query& query, const std::string& body, const std::string& from, std::size_t size,
                                 bool empty) const {
  const auto position = from.empty() ? Position{} : Position::from(from).value_or(Position{});
  const auto hub_then = query_view();
  const auto& hub = *hub_then;
  const bool modules = query.from == Query::Collection::modules;
  const auto& twins = modules ? hub.modules : hub.devices;
  const bool no_system = modules && !options_.lists_system_modules && !query.names_module_id;

  json rows = json::array();
  auto next = position;
  bool more = false;
  std::size_t count = 0;
  for (auto at = twins.upper_bound(position.key); at != twins.end() && !more; ++at) {
    if ((no_system && is_system_module(at->first)) || !matches(query, *at->second)) continue;
    if (query.top && next.rows == *query.top) break;
    if (query.counts()) {
      ++count;
    } else if (empty || rows.size() == size) {
      more = true;  // the end is told by the absence of a continuation, never by a short page
    } else {
      rows.push_back(row_of(query, *at->second));
      next = {next.rows + 1, at->first};
    }
  }
  if (query.counts()) rows.push_back({{query.projections.front().name, count}});
  auto response = json_answer(rows);
  response.headers.emplace_back("x-ms-item-type", query.whole_twins() ? "Twin" : "Raw");
  if (more) response.headers.emplace_back("x-ms-continuation", continuations_.make(body, next.text()));
  return response;
}

emulator::Response Service::twin(const Request& request) const {
  const auto& path = request.path;
  const bool of_module = path.size() == 4 && path[2] == "modules" && !path[3].empty();
  if (path.size() != 2 && !of_module) return error(404, "ResourceNotFound", "no such resource");
  const auto hub_now = this->hub();
  const auto& hub = *hub_now;
  if (!hub.devices.contains(path[1])) return error(404, "DeviceNotFound", "no such device '" + path[1] + "'");
  const auto& twins = of_module ? hub.modules : hub.devices;
  const auto found = twins.find(of_module ? module_key(path[1], path[3]) : path[1]);
  if (found == twins.end()) return error(404, "ModuleNotFound", "no such module '" + path[3] + "'");
  auto response = json_answer(*found->second);
  if (const auto etag = found->second->find("etag"); etag != found->second->end() && etag->is_string()) {
    response.headers.emplace_back("ETag", "\"" + etag->get<std::string>() + "\"");
  }
  return response;
}

emulator::Response Service::registry(const Request& request) const {
  const auto& path = request.path;
  const auto hub_now = this->hub();
  const auto& hub = *hub_now;
  if (path.size() == 1 || (path.size() == 2 && path[1].empty())) {
    const auto top = top_of(request);
    if (!top) return error(400, "ArgumentInvalid", "top is no number from 1 to 1000");
    json list = json::array();
    for (const auto& [id, twin] : hub.devices) {
      if (list.size() == *top) break;
      list.push_back(device_identity(*twin));
    }
    return json_answer(list);
  }
  const auto device = hub.devices.find(path[1]);
  if (device == hub.devices.end()) return error(404, "DeviceNotFound", "no such device '" + path[1] + "'");
  if (path.size() == 2) return json_answer(device_identity(*device->second));
  if (path[2] != "modules" || path.size() > 4) return error(404, "ResourceNotFound", "no such resource");
  if (path.size() == 4) {
    const auto module = hub.modules.find(module_key(path[1], path[3]));
    if (module == hub.modules.end()) return error(404, "ModuleNotFound", "no such module '" + path[3] + "'");
    return json_answer(module_identity(*module->second));
  }
  json list = json::array();
  const auto prefix = module_key(path[1], "");
  for (auto at = hub.modules.lower_bound(prefix); at != hub.modules.end() && at->first.starts_with(prefix); ++at) {
    list.push_back(module_identity(*at->second));
  }
  return json_answer(list);
}

emulator::Response Service::statistics(const Request& request) const {
  const auto& path = request.path;
  const auto hub_now = this->hub();
  const auto& hub = *hub_now;
  const auto counted = [&hub](const char* field, const char* value) {
    std::size_t count = 0;
    for (const auto& [id, twin] : hub.devices) count += twin->contains(field) && (*twin)[field] == value ? 1 : 0;
    return count;
  };
  if (path.size() == 2 && path[1] == "service") {
    return json_answer({{"connectedDeviceCount", counted("connectionState", "Connected")}});
  }
  if (path.size() != 2 || path[1] != "devices") return error(404, "ResourceNotFound", "no such resource");
  return json_answer({{"totalDeviceCount", hub.devices.size()},
                      {"enabledDeviceCount", counted("status", "enabled")},
                      {"disabledDeviceCount", counted("status", "disabled")}});
}

emulator::Response Service::configurations(const Request& request) const {
  const auto& path = request.path;
  const auto hub_now = this->hub();
  const auto& hub = *hub_now;
  if (path.size() == 2 && !path[1].empty()) {
    const auto found = hub.configurations.find(path[1]);
    if (found == hub.configurations.end()) return error(404, "ConfigurationNotFound", "no such configuration '" + path[1] + "'");
    return json_answer(*found->second);
  }
  const auto top = top_of(request);
  if (path.size() > 2 || !top) return error(400, "ArgumentInvalid", "top is no number from 1 to 1000");
  json list = json::array();
  for (const auto& [id, configuration] : hub.configurations) {
    if (list.size() == *top) break;
    list.push_back(*configuration);
  }
  return json_answer(list);
}

}  // namespace iris::iot_hub_emulator
