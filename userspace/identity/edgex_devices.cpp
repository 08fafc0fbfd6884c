// SPDX-License-Identifier: Apache-2.0
#include "identity/edgex_devices.h"

#include "identity/address_text.h"
#include "identity/clean.h"
#include "identity/hardware.h"
#include "identity/json.h"
#include "identity/reading.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

// Up to 1024 devices; a large one has some kilobytes.
constexpr JsonLimits kLimits{.bytes = std::size_t{16} << 20, .values = 500'000};

/// How the entries of a protocol of EdgeX are to be taken.
enum class Medium { network, serial, broker, name };

Medium medium_of(const std::string& protocol) {
  if (protocol.find("mqtt") != std::string::npos) return Medium::broker;  // Host is the broker, not the device
  if (protocol.find("rtu") != std::string::npos || protocol.find("mstp") != std::string::npos || protocol.find("serial") != std::string::npos) return Medium::serial;
  return protocol == "other" ? Medium::name : Medium::network;
}

void take_protocol(const std::string& name, const Json& entries, Evidence& evidence) {
  if (!entries.is_object()) return;
  const std::string protocol = lower_case(name);
  const Medium medium = medium_of(protocol);
  if (const auto unit = whole_number(member_any_case(entries, {"UnitID"}))) add_hardware_id(evidence, "unit", std::to_string(*unit));
  if (const auto instance = whole_number(member_any_case(entries, {"DeviceInstance"}))) {
    add_hardware_id(evidence, "instance", std::to_string(*instance));
  }
  add_hardware_id(evidence, "mac", normalized_mac(raw_text(member_any_case(entries, {"MACAddress"}))));
  add_hardware_id(evidence, "endpoint", lower_case(plain_text(member_any_case(entries, {"EndpointRefAddress"}))));
  if (medium == Medium::broker) return;
  const std::string text = raw_text(member_any_case(entries, {"Address", "Path", "Host"}));
  if (medium == Medium::serial) {
    if (const auto line = parse_target(text); line && line->kind == Target::Kind::serial) return add_address(evidence, to_address(*line));
    return add_address(evidence, {std::nullopt, 0, 0, plain_text(member_any_case(entries, {"Address", "Path"}))});
  }
  auto target = parse_target(text);
  if (!target || (medium == Medium::name && !target->ip)) return;
  if (const auto port = port_number(member_any_case(entries, {"Port"}))) target->port = *port;
  // device-snmp calls its protocol TCP, and speaks UDP.
  const bool any_transport = protocol == "tcp" && target->port == 161;
  add_address(evidence, to_address(*target, any_transport ? ProtocolDefaults{} : protocol_defaults(protocol).value_or(ProtocolDefaults{})));
}

/// Of 2018.
void take_addressable(const Json& addressable, Evidence& evidence) {
  const std::string protocol = lower_case(plain_text(member_any_case(addressable, {"protocol"})));
  if (medium_of(protocol) == Medium::broker || !raw_text(member_any_case(addressable, {"topic"})).empty()) return;
  auto target = parse_target(raw_text(member_any_case(addressable, {"address"})));
  if (!target || (!target->ip && target->kind == Target::Kind::host && protocol == "other")) return;
  if (const auto port = port_number(member_any_case(addressable, {"port"}))) target->port = *port;
  add_address(evidence, to_address(*target, protocol_defaults(protocol).value_or(ProtocolDefaults{})));
}

void copy(const Json& device, std::initializer_list<const char*> names, Json& to) {
  for (const char* name : names) {
    const Json* value = member_any_case(device, {name});
    if (value == nullptr || value->is_null() || (value->is_structured() && value->empty())) continue;
    if (value->is_string() && value->get_ref<const std::string&>().empty()) continue;
    to[name] = *value;
  }
}

Json tags_of(const Json& device) {
  Json tags = Json::object();
  if (const Json* own = member_any_case(device, {"tags"}); own != nullptr && own->is_object()) tags = *own;
  copy(device, {"labels"}, tags);
  return tags;
}

/// What changes with each reading (lastConnected, modified ..) is left out.
Json configuration_of(const Json& device) {
  Json out = Json::object();
  copy(device, {"id", "description", "adminState", "operatingState", "location", "serviceName", "profileName", "protocols", "properties", "parent"}, out);
  for (const auto& [whole, name] : {std::pair{"service", "serviceName"}, std::pair{"profile", "profileName"}}) {
    const Json* object = member_any_case(device, {whole});  // v1
    if (object != nullptr && !out.contains(name)) {
      std::string text = plain_text(member_any_case(*object, {"name"}));
      if (!text.empty()) out[name] = std::move(text);
    }
  }
  if (const Json* addressable = member_any_case(device, {"addressable"})) {
    Json kept = Json::object();
    copy(*addressable, {"name", "protocol", "method", "address", "port", "path", "publisher", "topic"}, kept);
    out["addressable"] = std::move(kept);
  }
  return out;
}

void take_device(const Json& device, std::size_t index, EdgexPage& page) {
  ++page.returned;
  Evidence evidence;
  evidence.source = Source::edgex;
  evidence.kind = flow::DeviceKind::edgex;
  evidence.name = plain_text(member_any_case(device, {"name"}));
  if (evidence.name.empty()) return add_fault(page.reading, "EdgeX: device " + std::to_string(index) + " has no name");
  const std::string admin_state = raw_text(member_any_case(device, {"adminState"}));
  if (!admin_state.empty()) evidence.status = equal_any_case(admin_state, "locked") ? "disabled" : "enabled";
  if (const Json* protocols = member_any_case(device, {"protocols"}); protocols != nullptr && protocols->is_object()) {
    for (const auto& [name, entries] : protocols->items()) take_protocol(name, entries, evidence);
  }
  if (const Json* addressable = member_any_case(device, {"addressable"})) take_addressable(*addressable, evidence);
  for (const char* name : {"tags", "properties"}) {
    if (const Json* object = member_any_case(device, {name})) collect_hardware(*object, evidence);
  }
  evidence.tags = clean_tags(tags_of(device));
  evidence.configuration = clean_configuration(configuration_of(device));
  add(page.reading, std::move(evidence));
}

}  // namespace

EdgexPage read_edgex_devices(std::string_view answer) {
  EdgexPage page;
  const auto parsed = parse_json(answer, kLimits);
  if (!parsed) {
    add_fault(page.reading, "EdgeX: " + parsed.error().message);
    return page;
  }
  const Json* devices = &*parsed;
  if (parsed->is_object()) {
    page.status_code = whole_number(member_any_case(*parsed, {"statusCode"})).value_or(0);
    const auto total = whole_number(member_any_case(*parsed, {"totalCount"}));
    if (total && *total >= 0) page.total_count = static_cast<std::uint64_t>(*total);
    const Json* inside = member_any_case(*parsed, {"devices", "device"});
    const bool bare = inside == nullptr && page.status_code == 0 && member_any_case(*parsed, {"name"}) != nullptr;
    devices = inside != nullptr ? inside : bare ? &*parsed : nullptr;
  }
  if (devices == nullptr || !devices->is_structured()) {
    // "devices": null is an empty page of a Go program.
    page.usable = devices != nullptr && devices->is_null() && parsed->is_object() && page.status_code < 400;
    if (!page.usable) add_fault(page.reading, "EdgeX: no devices in the answer");
    return page;
  }
  page.usable = true;
  if (devices->is_object()) {
    take_device(*devices, 0, page);
    return page;
  }
  std::size_t index = 0;
  for (const Json& device : *devices) take_device(device, index++, page);
  return page;
}

}  // namespace iris::identity
