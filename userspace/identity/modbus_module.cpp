// SPDX-License-Identifier: Apache-2.0
#include "identity/modbus_module.h"

#include <map>
#include <set>

#include "identity/address_text.h"
#include "identity/clean.h"
#include "identity/json.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr std::uint16_t kModbusPort = 502;
constexpr int kMaxLevels = 8;  // of a v1 gateway configuration

/// As the module decides: an IP literal is TCP; COM or /tty is a serial line. "ttyS0" would not connect
/// there, but is meant as one. What remains is a host name.
std::optional<flow::DeviceAddress> connection_address(const std::string& text, const Json* port) {
  auto target = parse_target(text);
  const bool is_ip = target && target->ip;
  if (!is_ip && (text.find("COM") != std::string::npos || text.find("/tty") != std::string::npos)) {
    return flow::DeviceAddress{std::nullopt, 0, 0, target && target->kind == Target::Kind::serial ? target->host : bounded(text)};
  }
  if (!target) return std::nullopt;
  if (const auto number = port_number(port)) target->port = *number;
  return to_address(*target, {kTcp, kModbusPort});
}

std::set<std::int64_t> units_of(const Json& slave) {
  std::set<std::int64_t> units;
  const auto take = [&](const Json& holder) {
    const auto unit = whole_number(member_any_case(holder, {"UnitId"}));
    if (unit && *unit >= 0 && *unit <= 255) units.insert(*unit);
  };
  const Json* operations = member_any_case(slave, {"Operations"});
  if (operations != nullptr && operations->is_structured()) {
    for (const Json& operation : *operations) take(operation);
  }
  if (units.empty()) take(slave);
  return units;
}

/// The operations of one unit.
Json unit_configuration(const Json& slave, std::int64_t unit) {
  Json kept = Json::object();
  const Json* operations = member_any_case(slave, {"Operations"});
  for (const auto& [name, operation] : operations->items()) {
    if (whole_number(member_any_case(operation, {"UnitId"})) == unit) kept[name] = operation;
  }
  return Json{{"UnitId", unit}, {"Operations", std::move(kept)}};
}

Evidence manufactured(const ModuleRef& module, std::string name, std::string parent) {
  Evidence evidence;
  evidence.source = Source::modbus_module;
  evidence.kind = flow::DeviceKind::manufactured;
  evidence.name = std::move(name);
  evidence.parent = std::move(parent);
  evidence.module_id = module.module_id;
  return evidence;
}

class SlaveReader {
 public:
  SlaveReader(const Json& slaves, const ModuleRef& module, Reading& out) : slaves_(slaves), module_(module), out_(out) {
    for (const Json& slave : slaves_) {
      if (slave.is_object()) ++hw_id_uses_[hw_id_of(slave)];
    }
  }

  void run() {
    for (const auto& [key, slave] : slaves_.items()) {
      if (slave.is_null() || key.starts_with('$')) continue;  // null: deleted by a patch of the twin
      if (slave.is_object()) {
        take_slave(bounded(key), slave);
      } else {
        fault(bounded(key), "is no object");
      }
    }
  }

 private:
  static std::string hw_id_of(const Json& slave) { return plain_text(member_any_case(slave, {"HwId"})); }

  void fault(const std::string& slave, const char* what) {
    add_fault(out_, "module " + module_.module_id + ": slave " + slave + ": " + what);
  }

  std::string name_for(const std::string& key, const std::string& hw_id) {
    std::string name = key;
    if (!hw_id.empty() && hw_id_uses_[hw_id] == 1) {
      name = hw_id;
    } else if (!hw_id.empty()) {
      fault(key, "its HwId is used twice");
    }
    // A slave's name may be another's HwId.
    while (!names_.insert(name).second) name += "-" + key;
    return name;
  }

  void take_slave(const std::string& key, const Json& slave) {
    const std::string hw_id = hw_id_of(slave);
    Evidence device = manufactured(module_, name_for(key, hw_id), module_.gateway_id);
    add_hardware_id(device, "hwid", hw_id);
    const std::string connection(trimmed(raw_text(member_any_case(slave, {"SlaveConnection"}))));
    if (auto address = connection_address(connection, member_any_case(slave, {"TcpPort"}))) {
      add_address(device, std::move(*address));
    } else {
      fault(key, "SlaveConnection is no address");
    }
    const auto units = units_of(slave);
    Json configuration = slave;
    if (units.size() > 1) configuration.erase("Operations");
    configuration["SlaveName"] = key;
    device.configuration = clean_configuration(configuration);
    if (units.size() == 1) add_hardware_id(device, "unit", std::to_string(*units.begin()));
    const std::string name = device.name;
    add(out_, std::move(device));
    if (units.size() < 2) return;
    for (const std::int64_t unit : units) {
      Evidence below = manufactured(module_, name + "/unit-" + std::to_string(unit), name);
      add_hardware_id(below, "unit", std::to_string(unit));
      below.configuration = clean_configuration(unit_configuration(slave, unit));
      add(out_, std::move(below));
    }
  }

  const Json& slaves_;
  const ModuleRef& module_;
  Reading& out_;
  std::map<std::string, int> hw_id_uses_;
  std::set<std::string> names_;
};

/// The parts of a v1 configuration, wherever they stand in it.
struct AncestorParts {
  std::vector<const Json*> servers;             // with serverConnectionString
  std::map<std::string, std::string> device_of;  // of the mapping module: MAC to device id
};

void find_ancestor(const Json& value, AncestorParts& parts, int levels_left) {
  if (!value.is_structured() || levels_left == 0 || parts.servers.size() >= kMaxEvidence) return;
  if (member_any_case(value, {"serverConnectionString"}) != nullptr) {
    parts.servers.push_back(&value);
    return;
  }
  const std::string device_id = raw_text(member_any_case(value, {"deviceId"}));
  const std::string mac = normalized_mac(raw_text(member_any_case(value, {"macAddress"})));
  if (!mac.empty() && is_hub_id(device_id)) parts.device_of[mac] = device_id;
  for (const Json& inner : value) find_ancestor(inner, parts, levels_left - 1);
}

/// One that the mapping module ties to a device of IoT Hub is that device.
void take_ancestor(const Json& server, const AncestorParts& parts, const ModuleRef& module, std::set<std::string>& names, Reading& out) {
  const std::string connection(trimmed(raw_text(member_any_case(server, {"serverConnectionString"}))));
  const auto address = connection_address(connection, nullptr);
  const std::string mac = normalized_mac(raw_text(member_any_case(server, {"macAddress"})));
  const auto mapped = parts.device_of.find(mac);
  std::string name = mapped != parts.device_of.end() ? mapped->second : mac;
  if (name.empty() && address) name = flow::to_string(*address);
  if (name.empty() || !names.insert(name).second) {
    return add_fault(out, "module " + module.module_id + ": a server that nothing names, or named twice");
  }
  Evidence device = manufactured(module, name, module.gateway_id);
  if (mapped != parts.device_of.end()) device.kind = flow::DeviceKind::leaf;
  add_hardware_id(device, "mac", mac);
  if (address) add_address(device, *address);
  const auto units = units_of(server);
  for (const std::int64_t unit : units) add_hardware_id(device, "unit", std::to_string(unit));
  device.configuration = clean_configuration(server);
  add(out, std::move(device));
}

const Json* slaves_of(const Json* properties) {
  const Json* slaves = properties == nullptr ? nullptr : member_any_case(*properties, {"SlaveConfigs"});
  return slaves != nullptr && slaves->is_object() && !slaves->empty() ? slaves : nullptr;
}

}  // namespace

Reading read_modbus_module(std::string_view document, const ModuleRef& module) {
  Reading out;
  const auto parsed = parse_json(document, {.comments = true});
  if (!parsed) {
    add_fault(out, "module " + module.module_id + ": " + parsed.error().message);
    return out;
  }
  const Json& twin = single(*parsed);
  const Json* slaves = slaves_of(twin_side(twin, "desired"));
  if (slaves == nullptr) slaves = slaves_of(twin_side(twin, "reported"));
  if (slaves != nullptr) {
    SlaveReader(*slaves, module, out).run();
    return out;
  }
  AncestorParts parts;
  find_ancestor(*parsed, parts, kMaxLevels);
  std::set<std::string> names;
  for (const Json* server : parts.servers) take_ancestor(*server, parts, module, names, out);
  return out;
}

}  // namespace iris::identity
