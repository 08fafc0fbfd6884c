// SPDX-License-Identifier: Apache-2.0
// Identities and security records come by the dozen, not by the million: a library
// writes them.
#include <nlohmann/json.hpp>

#include "wire/json_writer.h"

namespace iris::wire {
namespace {

using Json = nlohmann::ordered_json;

/// Printing one is recursive.
constexpr int kMaxDepth = 64;

Json known(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }
Json known(const char* text) { return *text == '\0' ? Json(nullptr) : Json(text); }

Json object_of(const std::string& text) {
  if (text.empty()) return nullptr;
  bool too_deep = false;
  const auto callback = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json value = Json::parse(text, callback, false);
  return !too_deep && value.is_object() ? value : Json(nullptr);
}

Json device_object(const flow::Device& device) {
  Json addresses = Json::array();
  for (const auto& address : device.addresses) addresses.push_back(flow::to_string(address));
  return {{"id", known(device.id)},
          {"kind", flow::to_string(device.kind)},
          {"pattern", known(flow::to_string(device.pattern))},
          {"sources", device.sources},
          {"tags", object_of(device.tags)},
          {"configuration", object_of(device.configuration)},
          {"addresses", std::move(addresses)},
          {"parent", known(device.parent)},
          {"module_id", known(device.module_id)},
          {"status", known(device.status)},
          {"deployed", device.deployed},
          {"conflicts", device.conflicts}};
}

void print(std::string& out, const Json& value) {
  out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void append_device(std::string& out, const flow::Device& device) { print(out, device_object(device)); }

void JsonWriter::append(std::string& out, const flow::DeviceRecord& change) {
  out += R"({"type":"device","time":)";
  out += time_text(change.wall_ns);
  out += R"(,"change":")";
  out += flow::to_string(change.change);
  out += R"(","device":)";
  append_device(out, change.device);
  out += "}\n";
}

void JsonWriter::append(std::string& out, const flow::SecurityRecord& event) {
  out += R"({"type":"security","time":)";
  out += time_text(event.wall_ns);
  std::string rest;
  print(rest, {{"reason", flow::to_string(event.reason)},
               {"severity", event.severity},
               {"device_id", known(event.device_id)},
               {"module_id", known(event.module_id)},
               {"category", known(event.category)},
               {"operation", known(event.operation)},
               {"code", known(event.code)},
               {"description", known(event.description)},
               {"protocol", known(event.protocol)},
               {"remote_address", known(event.remote_address)},
               {"hub", known(event.hub)},
               {"device", known(event.device)}});
  out += ',';
  out.append(rest, 1);  // without its opening brace
  out += '\n';
}

}  // namespace iris::wire
