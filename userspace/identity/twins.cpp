// SPDX-License-Identifier: Apache-2.0
#include "identity/twins.h"

#include <algorithm>

#include "identity/clean.h"
#include "identity/hardware.h"
#include "identity/json.h"
#include "identity/reading.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr std::string_view kScopeScheme = "ms-azure-iot-edge://";

bool is_edge(const Json& twin) { return flag(at_path(twin, {"capabilities", "iotEdge"})); }

std::string parent_scope(const Json& twin) {
  const Json* scopes = member(twin, "parentScopes");
  if (scopes == nullptr || !scopes->is_array() || scopes->empty()) return {};
  return raw_text(&scopes->front());
}

bool names_gateway(const std::string& scope, const Gateway& gateway) {
  if (scope.empty()) return false;
  return gateway.scope.empty() ? device_of_scope(scope) == gateway.device_id : scope == gateway.scope;
}

bool is_child(const Json& twin, const Gateway& gateway) {
  if (names_gateway(parent_scope(twin), gateway)) return true;
  // The deviceScope of an edge device is its own.
  return !is_edge(twin) && names_gateway(raw_text(member(twin, "deviceScope")), gateway);
}

void take_member(const Json& from, const char* name, Json& to) {
  const Json* value = member(from, name);
  if (value != nullptr && !value->is_null() && !(value->is_string() && value->get_ref<const std::string&>().empty()) &&
      !(value->is_structured() && value->empty())) {
    to[name] = *value;
  }
}

Json configuration_of(const Json& twin) {
  Json out = Json::object();
  for (const char* name : {"modelId", "statusReason", "configurations"}) take_member(twin, name, out);
  if (is_edge(twin)) out["iotEdge"] = true;
  if (const Json* properties = member(twin, "properties")) {
    take_member(*properties, "desired", out);
    take_member(*properties, "reported", out);
  }
  return out;
}

/// A sensor of the LoRaWAN starter kit has its DevEUI for a name.
bool is_lora_sensor(const std::string& device_id, const Json& twin) {
  const Json* desired = at_path(twin, {"properties", "desired"});
  return desired != nullptr && device_id.size() == 16 &&
         device_id.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos &&
         member_any_case(*desired, {"AppEUI", "AppKey", "DevAddr", "NwkSKey", "SensorDecoder"}) != nullptr;
}

Evidence device_evidence(const Json& twin, const std::string& device_id, const Gateway& gateway) {
  Evidence evidence;
  evidence.source = Source::iot_hub;
  evidence.name = device_id;
  evidence.status = plain_text(member(twin, "status"));
  const Json* tags = member(twin, "tags");
  if (tags != nullptr) evidence.tags = clean_tags(*tags);
  evidence.configuration = clean_configuration(configuration_of(twin));
  if (device_id == gateway.device_id) {
    evidence.kind = flow::DeviceKind::gateway;
    evidence.parent = device_of_scope(parent_scope(twin));
    return evidence;
  }
  evidence.kind = flow::DeviceKind::leaf;
  evidence.parent = gateway.device_id;
  if (tags != nullptr) collect_hardware(*tags, evidence);
  for (const char* side : {"reported", "desired"}) {
    if (const Json* properties = at_path(twin, {"properties", side})) collect_hardware(*properties, evidence);
  }
  if (is_lora_sensor(device_id, twin)) add_hardware_id(evidence, "deveui", lower_case(device_id));
  return evidence;
}

Evidence module_evidence(const Json& twin, const std::string& module_id, const Gateway& gateway) {
  Evidence evidence;
  evidence.source = Source::iot_hub;
  evidence.kind = flow::DeviceKind::module;
  evidence.name = gateway.device_id + "/" + module_id;
  evidence.parent = gateway.device_id;
  evidence.module_id = module_id;
  evidence.status = plain_text(member(twin, "status"));
  if (const Json* tags = member(twin, "tags")) evidence.tags = clean_tags(*tags);
  if (!module_id.starts_with('$')) evidence.configuration = clean_configuration(configuration_of(twin));
  return evidence;
}

template <typename Take>
Reading read_page(std::string_view page, Take take) {
  Reading reading;
  std::size_t index = 0;
  const auto walked = each_element(page, [&](std::string_view text) {
    const std::string place = "twin " + std::to_string(index++);
    const auto twin = parse_json(text);
    if (!twin) return add_fault(reading, place + ": " + twin.error().message);
    const std::string device_id = raw_text(member(*twin, "deviceId"));
    if (!is_hub_id(device_id)) return add_fault(reading, place + ": no deviceId, or none that IoT Hub allows");
    take(*twin, device_id, place, reading);
  });
  if (!walked) add_fault(reading, "twins: " + walked.error().message);
  return reading;
}

}  // namespace

std::string device_of_scope(std::string_view scope) {
  if (!scope.starts_with(kScopeScheme)) return {};
  scope.remove_prefix(kScopeScheme.size());
  const std::size_t dash = scope.rfind('-');  // the id may hold others
  if (dash == std::string_view::npos) return {};
  const std::string_view digits = scope.substr(dash + 1);
  const std::string_view id = scope.substr(0, dash);
  const bool numeric = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return numeric && is_hub_id(id) ? std::string(id) : std::string();
}

std::string scope_of_twin(std::string_view twin) {
  const auto parsed = parse_json(twin);
  if (!parsed || !is_edge(single(*parsed))) return {};
  std::string scope = raw_text(member(single(*parsed), "deviceScope"));
  return device_of_scope(scope).empty() ? std::string() : scope;
}

Reading read_device_twins(std::string_view page, const Gateway& gateway) {
  return read_page(page, [&](const Json& twin, const std::string& device_id, const std::string&, Reading& reading) {
    const bool of_module = !raw_text(member(twin, "moduleId")).empty();
    if (of_module || (device_id != gateway.device_id && !is_child(twin, gateway))) return;
    add(reading, device_evidence(twin, device_id, gateway));
  });
}

Reading read_module_twins(std::string_view page, const Gateway& gateway) {
  return read_page(page, [&](const Json& twin, const std::string& device_id, const std::string& place, Reading& reading) {
    if (device_id != gateway.device_id) return;
    const std::string module_id = raw_text(member(twin, "moduleId"));
    if (!is_hub_id(module_id)) return add_fault(reading, place + ": no moduleId, or none that IoT Hub allows");
    add(reading, module_evidence(twin, module_id, gateway));
  });
}

}  // namespace iris::identity
