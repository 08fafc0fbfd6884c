// SPDX-License-Identifier: Apache-2.0
#include "runtimes/docker_json.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "runtimes/label_policy.h"

namespace iris::runtimes {
namespace {

using nlohmann::json;
using enrich::ContainerInfo;

/// Parses and keeps, of the objects on the levels from `first_depth`, only the named keys.
std::optional<json> parse_only(std::string_view text, int first_depth,
                               std::initializer_list<std::initializer_list<std::string_view>> levels) {
  const auto wanted = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event != json::parse_event_t::key || depth < first_depth) return true;
    const auto level = static_cast<std::size_t>(depth - first_depth);
    if (level >= levels.size()) return true;
    const auto& names = *(levels.begin() + level);
    const auto* key = parsed.get_ptr<const json::string_t*>();
    return key != nullptr && std::find(names.begin(), names.end(), *key) != names.end();
  };
  json value = json::parse(text, wanted, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string_view text(const json& object, const char* name) {
  const json* value = member(object, name);
  const auto* string = value == nullptr ? nullptr : value->get_ptr<const json::string_t*>();
  return string == nullptr ? std::string_view{} : std::string_view(*string);
}

bool flag(const json& object, const char* name) {
  const json* value = member(object, name);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::map<std::string, std::string> string_map(const json* object) {
  std::map<std::string, std::string> map;
  if (object == nullptr || !object->is_object()) return map;
  for (const auto& [name, value] : object->items()) {
    if (const auto* string = value.get_ptr<const json::string_t*>()) map.emplace(name, *string);
  }
  return map;
}

std::string plain_name(std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  return clean_text(name);
}

void add_address(std::string_view address, ContainerInfo& info) {
  if (address.empty() || info.addresses.size() >= kMaxAddresses) return;
  const auto parsed = base::IpAddress::parse(address);
  if (!parsed || parsed->is_unspecified()) return;
  if (std::find(info.addresses.begin(), info.addresses.end(), *parsed) == info.addresses.end()) {
    info.addresses.push_back(*parsed);
  }
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || port == 0) return std::nullopt;
  return port;
}

/// "80/tcp" and one of its bindings, {"HostIp":"0.0.0.0","HostPort":"8080"}.
void add_port(std::string_view name, const json& binding, ContainerInfo& info) {
  const std::size_t slash = name.find('/');
  const std::string_view protocol = slash == std::string_view::npos ? "" : name.substr(slash + 1);
  const auto container_port = parse_port(name.substr(0, slash));
  const auto host_port = parse_port(text(binding, "HostPort"));
  const auto address = base::IpAddress::parse(text(binding, "HostIp"));
  if (!container_port || !host_port || (protocol != "tcp" && protocol != "udp")) return;
  if (info.ports.size() >= kMaxPorts) return;
  enrich::PublishedPort port;
  // "0.0.0.0" and "::" are two bindings; each stands for every address of its family.
  if (address && !address->is_unspecified()) port.host_address = *address;
  port.host_port = *host_port;
  port.container_port = *container_port;
  port.protocol = protocol == "tcp" ? IPPROTO_TCP : IPPROTO_UDP;
  if (std::find(info.ports.begin(), info.ports.end(), port) == info.ports.end()) info.ports.push_back(port);
}

}  // namespace

std::optional<ContainerInfo> parse_docker_inspect(std::string_view json_text) {
  const auto root = parse_only(json_text, 1,
                               {{"Id", "Name", "State", "Config", "NetworkSettings", "GraphDriver"},
                                {"Pid", "Running", "Env", "Image", "Labels", "Networks", "Ports", "Data"}});
  if (!root || !is_container_id(text(*root, "Id"))) return std::nullopt;
  ContainerInfo info;
  info.runtime = "docker";
  info.id = text(*root, "Id");
  info.name = plain_name(text(*root, "Name"));
  if (const json* config = member(*root, "Config")) {
    info.image = clean_text(text(*config, "Image"));
    info.labels = keep_labels(string_map(member(*config, "Labels")));
    if (const json* environment = member(*config, "Env"); environment != nullptr && environment->is_array()) {
      for (const json& variable : *environment) {
        if (const auto* string = variable.get_ptr<const json::string_t*>()) take_environment(*string, info);
      }
    }
  }
  apply_owner_label(info);
  if (const json* driver = member(*root, "GraphDriver")) {
    if (const json* data = member(*driver, "Data")) info.root_path = clean_text(text(*data, "MergedDir"), 4096);
  }
  const json* state = member(*root, "State");
  if (state == nullptr || !flag(*state, "Running")) return info;
  if (const json* pid = member(*state, "Pid"); pid != nullptr && pid->is_number_unsigned()) {
    const auto number = pid->get<std::uint64_t>();
    if (number <= INT32_MAX) info.pid = static_cast<std::uint32_t>(number);
  }
  if (const json* settings = member(*root, "NetworkSettings")) {
    if (const json* networks = member(*settings, "Networks"); networks != nullptr && networks->is_object()) {
      for (const json& network : *networks) {
        add_address(text(network, "IPAddress"), info);
        add_address(text(network, "GlobalIPv6Address"), info);
      }
    }
    if (const json* ports = member(*settings, "Ports"); ports != nullptr && ports->is_object()) {
      for (const auto& [name, bindings] : ports->items()) {
        if (!bindings.is_array()) continue;
        for (const json& binding : bindings) add_port(name, binding, info);
      }
    }
  }
  return info;
}

std::optional<std::vector<DockerListEntry>> parse_docker_list(std::string_view json_text) {
  const auto root = parse_only(json_text, 2, {{"Id", "Names", "Image", "Labels", "State"}});
  if (!root || !root->is_array()) return std::nullopt;
  std::vector<DockerListEntry> entries;
  for (const json& item : *root) {
    if (!is_container_id(text(item, "Id"))) continue;
    DockerListEntry entry;
    entry.info.runtime = "docker";
    entry.info.id = text(item, "Id");
    entry.info.image = clean_text(text(item, "Image"));
    entry.info.labels = keep_labels(string_map(member(item, "Labels")));
    if (const json* names = member(item, "Names"); names != nullptr && names->is_array()) {
      for (const json& name : *names) {
        const auto* string = name.get_ptr<const json::string_t*>();
        // "/other/alias" is the name of a link.
        if (string != nullptr && string->find('/', 1) == std::string::npos) {
          entry.info.name = plain_name(*string);
          break;
        }
      }
    }
    apply_owner_label(entry.info);
    const std::string_view state = text(item, "State");
    entry.running = state == "running" || state == "paused" || state == "restarting";
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::optional<DockerEvent> parse_docker_event(std::string_view line) {
  const auto root = parse_only(line, 1, {{"Type", "Action", "Actor"}});
  if (!root) return std::nullopt;
  const json* actor = member(*root, "Actor");
  if (actor == nullptr) return std::nullopt;
  auto attributes = string_map(member(*actor, "Attributes"));
  const std::string_view type = text(*root, "Type");
  // What stands behind a colon is a command line: not for us.
  const std::string_view whole = text(*root, "Action");
  const std::string_view action = whole.substr(0, whole.find(':'));
  DockerEvent event;
  event.info.runtime = "docker";
  if (type == "network") {
    if ((action == "connect" || action == "disconnect") && is_container_id(attributes["container"])) {
      event.kind = DockerEvent::Kind::changed;
      event.info.id = attributes["container"];
    }
    return event;
  }
  if (type != "container") return event;
  const std::string_view id = text(*actor, "ID");
  if (!is_container_id(id)) return std::nullopt;
  event.info.id = id;
  if (action == "create") {
    event.kind = DockerEvent::Kind::created;
  } else if (action == "start" || action == "restart" || action == "rename" || action == "update") {
    event.kind = DockerEvent::Kind::changed;
  } else if (action == "die") {
    event.kind = DockerEvent::Kind::died;
  } else if (action == "destroy") {
    event.kind = DockerEvent::Kind::destroyed;
  }
  event.info.name = plain_name(attributes["name"]);
  event.info.image = clean_text(attributes["image"]);
  for (const char* own : {"name", "image", "exitCode", "signal", "execID", "oldName", "execDuration"}) {
    attributes.erase(own);  // Docker's own among the labels
  }
  event.info.labels = keep_labels(attributes);
  apply_owner_label(event.info);
  return event;
}

std::string parse_docker_error(std::string_view json_text) {
  const auto root = parse_only(json_text, 1, {{"message"}});
  return root ? clean_text(text(*root, "message")) : std::string();
}

std::optional<ApiVersion> parse_api_version(std::string_view version) {
  ApiVersion parsed;
  const char* end = version.data() + version.size();
  const auto major = std::from_chars(version.data(), end, parsed.major);
  if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, parsed.minor);
  if (minor.ec != std::errc{} || minor.ptr != end) return std::nullopt;
  return parsed;
}

}  // namespace iris::runtimes
