// SPDX-License-Identifier: Apache-2.0
#include "identity/module_configuration.h"

#include <algorithm>
#include <array>
#include <optional>

#include "identity/address_text.h"
#include "identity/clean.h"
#include "identity/create_options.h"
#include "identity/json.h"
#include "identity/secrets.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

using namespace std::string_view_literals;

constexpr int kMaxLevels = 12;
constexpr std::size_t kMaxObjects = 20'000;  // looked at in one module
constexpr std::size_t kMaxFound = 1000;

constexpr std::array kAddressNames = {"address"sv, "ip"sv,  "ipaddress"sv, "host"sv,   "hostname"sv,        "endpoint"sv,     "endpointurl"sv,
                                      "url"sv,     "uri"sv, "server"sv,    "slaveconnection"sv, "deviceaddress"sv};
constexpr std::array kPortNames = {"port"sv, "tcpport"sv};

struct IdName {
  std::string_view name;
  std::string_view kind;  // of the hardware id
  bool is_name;           // fit to be the name of the device
};
constexpr std::array kIdNames = {IdName{"hwid", "hwid", true},       IdName{"deviceid", "hwid", true},   IdName{"deveui", "deveui", true},
                                 IdName{"serial", "serial", true},   IdName{"mac", "mac", true},         IdName{"macaddress", "mac", true},
                                 IdName{"deviceinstance", "instance", false}, IdName{"instance", "instance", false},
                                 IdName{"unitid", "unit", false},    IdName{"slaveid", "unit", false}};

std::string plain_key(std::string_view key) {
  std::string plain = key.size() > 64 ? std::string() : lower_case(key);
  std::erase_if(plain, [](char c) { return c == '-' || c == '_' || c == '.' || c == ' '; });
  return plain;
}

template <typename Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// "endpoints", "hosts": lists of addresses.
bool is_address_name(std::string_view plain) {
  if (is_one_of(kAddressNames, plain)) return true;
  if (plain.ends_with("es") && is_one_of(kAddressNames, plain.substr(0, plain.size() - 2))) return true;
  return plain.ends_with('s') && is_one_of(kAddressNames, plain.substr(0, plain.size() - 1));
}

bool is_of_azure(std::string_view host) {
  for (const std::string_view domain : {"azure-devices.net"sv, "azure-devices.cn"sv, "azure-devices.us"sv, "azure-devices-provisioning.net"sv,
                                        "windows.net"sv, "azurecr.io"sv, "azure.com"sv, "microsoft.com"sv}) {
    if (host == domain || (host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.')) return true;
  }
  return false;
}

bool is_known(std::string_view host, const KnownHosts& known) {
  const auto is_it = [&](const std::string& name) {
    return equal_any_case(name, host) || equal_any_case(name.starts_with('$') ? name.substr(1) : name, host);
  };
  return std::any_of(known.own_names.begin(), known.own_names.end(), is_it) ||
         std::any_of(known.module_names.begin(), known.module_names.end(), is_it);
}

bool is_telling(std::string_view plain) {
  return is_address_name(plain) || is_one_of(kPortNames, plain) || plain == "protocol" ||
         std::any_of(kIdNames.begin(), kIdNames.end(), [&](const IdName& id) { return id.name == plain; });
}

/// One object of the configuration whose members belong together.
struct Group {
  std::vector<std::pair<std::string, std::string>> members;  // plain name, value
  std::string path;                                          // names around it, in lower case, for the protocol
};

class Finder {
 public:
  Finder(const ModuleRef& module, const KnownHosts& known, Reading& out) : module_(module), known_(known), out_(out) {}

  /// Of command lines and environments nothing else is kept: "-p" may well be a password.
  void keep_only_what_tells() { keep_siblings_ = false; }

  void walk(const Json& value, const std::string& path, int levels_left) {
    if (levels_left == 0 || ++objects_ > kMaxObjects) return;
    if (value.is_array()) {
      for (const Json& item : value) {
        if (item.is_structured()) walk(item, path, levels_left - 1);
      }
      return;
    }
    if (!value.is_object()) return;
    Group group;
    group.path = path;
    for (const auto& [key, inner] : value.items()) {
      const std::string plain = plain_key(key);
      if (plain.empty() || key == "$metadata" || is_secret_name(key)) continue;
      if (inner.is_string() || inner.is_number()) {
        group.members.emplace_back(plain, raw_text(&inner));
        walk_text(inner, path + "/" + plain, levels_left);
      } else if (inner.is_array()) {
        for (const Json& item : inner) {
          if (item.is_string() && is_address_name(plain)) group.members.emplace_back(plain, raw_text(&item));
        }
        walk(inner, path + "/" + plain, levels_left - 1);
      } else if (inner.is_object()) {
        walk(inner, path + "/" + plain, levels_left - 1);
      }
    }
    take(group);
  }

  void take(const Group& group) {
    std::optional<std::uint16_t> port;
    bool has_id = false;
    for (const auto& [name, value] : group.members) {
      if (is_one_of(kPortNames, name) && !port) {
        const Json number(value);
        port = port_number(&number);
      }
      has_id = has_id || std::any_of(kIdNames.begin(), kIdNames.end(), [&, n = std::string_view(name)](const IdName& id) { return id.name == n; });
    }
    for (const auto& [name, value] : group.members) {
      const bool is_line = is_serial_line(trimmed(value));
      if (!is_line && !is_address_name(name)) continue;
      const auto target = parse_target(value);
      if (target && is_likely(*target, port.has_value() || has_id)) report(*target, port, name, group);
    }
  }

 private:
  /// A document in a string: some modules get their whole configuration as one.
  void walk_text(const Json& text, const std::string& path, int levels_left) {
    const auto* string = text.get_ptr<const Json::string_t*>();
    if (string == nullptr || levels_left < 2) return;
    const std::string_view inner = trimmed(*string);
    if (!inner.starts_with('{') && !inner.starts_with('[')) return;
    if (const auto document = parse_json(inner)) walk(*document, path, std::min(levels_left - 1, 4));
  }

  bool is_likely(const Target& target, bool has_company) const {
    if (target.kind == Target::Kind::serial) return true;
    if (target.ip) return !target.ip->is_loopback() && !target.ip->is_unspecified() && !is_known(target.host, known_);
    if (target.host == "localhost" || target.host.ends_with(".localhost") || target.host == "host.docker.internal") return false;
    if (is_of_azure(target.host) || is_known(target.host, known_)) return false;
    return has_company || target.port != 0 || !target.scheme.empty() || target.host.find('.') != std::string::npos;
  }

  ProtocolDefaults guess_protocol(const Target& target, const std::string& name, const Group& group) const {
    if (const auto of_scheme = protocol_defaults(target.scheme)) return *of_scheme;
    if (target.kind == Target::Kind::serial) return {};
    for (const std::string_view word : {"modbus"sv, "opc"sv, "bacnet"sv, "mqtt"sv, "snmp"sv, "enip"sv, "coap"sv}) {
      if (name.find(word) == std::string::npos && group.path.find(word) == std::string::npos) continue;
      return protocol_defaults(word == "opc" ? "opcua" : word).value_or(ProtocolDefaults{});
    }
    for (const auto& [member_name, value] : group.members) {
      if (member_name != "protocol" && member_name != "type" && member_name != "driver") continue;
      if (const auto of_value = protocol_defaults(value)) return *of_value;
    }
    const bool is_s7 = group.path.ends_with("/s7") || group.path.find("/s7/") != std::string::npos;
    return is_s7 ? protocol_defaults("s7").value_or(ProtocolDefaults{}) : ProtocolDefaults{};
  }

  void report(Target target, std::optional<std::uint16_t> port, const std::string& name, const Group& group) {
    if (target.port == 0 && port) target.port = *port;
    const flow::DeviceAddress address = to_address(target, guess_protocol(target, name, group));
    Evidence evidence;
    evidence.source = Source::module_configuration;
    evidence.kind = flow::DeviceKind::manufactured;
    evidence.parent = module_.gateway_id;
    evidence.module_id = module_.module_id;
    Json configuration = Json::object();
    for (const auto& [member_name, value] : group.members) {
      const Json json_value(value);
      const std::string text = plain_text(&json_value);
      for (const IdName& id : kIdNames) {
        if (member_name != id.name) continue;
        add_hardware_id(evidence, id.kind, id.kind == "mac" ? normalized_mac(text) : text);
        if (id.is_name && evidence.name.empty()) evidence.name = text;
      }
      if (keep_siblings_ || is_telling(member_name)) configuration[member_name] = value;
    }
    add_address(evidence, address);
    if (evidence.name.empty()) evidence.name = address.ip || address.port == 0 ? flow::to_string(address) : address.text + ":" + std::to_string(address.port);
    evidence.configuration = clean_configuration(configuration);
    for (Evidence& earlier : out_.evidence) {  // the same device from another place, or the same address twice
      if (earlier.addresses == evidence.addresses && (earlier.name == evidence.name || evidence.hardware_ids == earlier.hardware_ids)) return;
    }
    if (out_.evidence.size() >= kMaxFound) {
      return add_fault(out_, "module " + module_.module_id + ": too many addresses in its configuration: the rest is left out");
    }
    add(out_, std::move(evidence));
  }

  const ModuleRef& module_;
  const KnownHosts& known_;
  Reading& out_;
  std::size_t objects_ = 0;
  bool keep_siblings_ = true;
};

/// PLC_ADDRESS and PLC_PORT belong together: variables that begin alike are the members of one object.
Json grouped(const std::map<std::string, std::string>& environment) {
  Json groups = Json::object();
  for (const auto& [name, value] : environment) {
    const std::string lower = lower_case(name);
    if (lower.starts_with("iotedge_") || is_secret_name(lower)) continue;  // the runtime's own, and secrets
    std::size_t cut = lower.find_last_of("_:.");
    if (lower.ends_with("ip_address")) cut = lower.size() == 10 ? std::string::npos : lower.size() - 11;
    if (lower.ends_with("unit_id") || lower.ends_with("slave_id") || lower.ends_with("device_id")) {
      cut = cut == 0 ? std::string::npos : lower.find_last_of("_:.", cut - 1);
    }
    const std::string prefix = cut == std::string::npos ? "env" : "env_" + lower.substr(0, cut);
    groups[prefix][cut == std::string::npos ? lower : lower.substr(cut + 1)] = value;
  }
  return groups;
}

/// "--host=192.0.2.5", "--port 502".
Json command_options(const std::vector<std::string>& command) {
  Json options = Json::object();
  for (std::size_t i = 0; i < command.size(); ++i) {
    std::string_view argument = command[i];
    if (argument.find("://") != std::string_view::npos && !argument.starts_with('-')) {
      options["endpoints"].push_back(std::string(argument));
      continue;
    }
    if (!argument.starts_with('-')) continue;
    while (argument.starts_with('-')) argument.remove_prefix(1);
    const std::size_t equals = argument.find('=');
    if (equals != std::string_view::npos) {
      options[std::string(argument.substr(0, equals))] = std::string(argument.substr(equals + 1));
    } else if (i + 1 < command.size() && !command[i + 1].starts_with('-')) {
      options[std::string(argument)] = command[++i];
    }
  }
  return options;
}

}  // namespace

Reading read_module_configuration(const ModuleConfiguration& configuration, const ModuleRef& module, const KnownHosts& known) {
  Reading out;
  Finder finder(module, known, out);
  if (!configuration.twin.empty()) {
    const auto twin = parse_json(configuration.twin);
    if (!twin) add_fault(out, "module " + module.module_id + ": " + twin.error().message);
    const Json* desired = twin ? twin_side(single(*twin), "desired") : nullptr;
    if (desired != nullptr) finder.walk(*desired, "", kMaxLevels);
  }
  finder.keep_only_what_tells();
  finder.walk(grouped(configuration.environment), "", kMaxLevels);
  if (!configuration.create_options.empty()) {
    const auto options = parse_json(configuration.create_options);
    if (!options) {
      add_fault(out, "module " + module.module_id + ": createOptions: " + options.error().message);
      return out;
    }
    const CreateOptions read = read_create_options(*options);
    finder.walk(grouped(read.environment), "", kMaxLevels);
    finder.walk(command_options(read.command), "", kMaxLevels);
  }
  return out;
}

}  // namespace iris::identity
