// SPDX-License-Identifier: Apache-2.0
#include "identity/opc_publisher.h"

#include <array>
#include <set>

#include "identity/address_text.h"
#include "identity/clean.h"
#include "identity/create_options.h"
#include "identity/json.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kDefaultFile = "publishednodes.json";
constexpr std::string_view kImageDirectory = "/app";  // where the images run, unless the options say other
constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kMaxListed = 64;  // writers, nodes of one server
constexpr std::size_t kMaxFile = std::size_t{8} << 20;
constexpr std::array kOptions = {"--pf"sv, "-f"sv, "-pf"sv, "--publishfile"sv, "--publishednodesfile"sv, "/pf"sv};

/// "--pf=F", "-f F", in any case; "" when no argument says so.
std::string file_argument(const std::vector<std::string>& command) {
  for (std::size_t i = 0; i < command.size(); ++i) {
    const std::string_view argument = trimmed(command[i]);
    for (const std::string_view option : kOptions) {
      if (argument.size() < option.size() || !equal_any_case(argument.substr(0, option.size()), option)) continue;
      if (argument.size() == option.size()) {
        if (i + 1 < command.size()) return command[i + 1];
      } else if (argument[option.size()] == '=' || argument[option.size()] == ' ') {
        return std::string(trimmed(argument.substr(option.size() + 1)));
      }
    }
  }
  return {};
}

std::string variable(const std::map<std::string, std::string>& environment, std::string_view wanted) {
  for (const auto& [name, value] : environment) {
    if (equal_any_case(name, wanted)) return value;
  }
  return {};
}

/// Absolute, without "." and ".."; "" for what is no path of a container.
std::string normal_path(std::string_view path) {
  if (!path.starts_with('/') || path.size() > kMaxPath || path.find('\0') != std::string_view::npos) return {};
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) out.append("/").append(part);
  return out.empty() ? "/" : out;
}

bool lies_in(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The mount with the longest target decides, also when its source is not known: it hides the others.
std::optional<std::string> host_path(const std::string& path, const std::vector<CreateOptions::Mount>& mounts) {
  std::string best_target;
  std::string best_source;
  for (const auto& mount : mounts) {
    const std::string target = normal_path(mount.target);
    if (target.empty() || target.size() <= best_target.size() || !lies_in(path, target)) continue;
    best_target = target;
    best_source = normal_path(mount.source);  // "" for the name of a volume
  }
  if (best_target.empty() || best_source.empty()) return std::nullopt;
  const std::string rest = best_target == "/" ? path : path.substr(best_target.size());
  return normal_path(best_source + rest);
}

std::string node_id(const Json& node) {
  const Json* id = member_any_case(node, {"Id", "NodeId", "ExpandedNodeId"});
  if (id != nullptr && id->is_object()) id = member_any_case(*id, {"Identifier"});
  return plain_text(id);
}

/// What the entries of one URL say together.
struct Server {
  Target target;
  std::string url;
  std::set<std::string> groups, writers, nodes, security;
  std::size_t node_count = 0;
  bool user = false;
  bool reverse = false;
};

void insert(std::set<std::string>& set, std::string text) {
  if (!text.empty() && set.size() < kMaxListed) set.insert(std::move(text));
}

void take_entry(const Json& entry, Server& server) {
  insert(server.groups, plain_text(member_any_case(entry, {"DataSetWriterGroup"})));
  insert(server.writers, plain_text(member_any_case(entry, {"DataSetWriterId", "DataSetName"})));
  for (const char* name : {"EndpointSecurityMode", "EndpointSecurityPolicy"}) {
    insert(server.security, plain_text(member_any_case(entry, {name})));
  }
  if (const Json* use = member_any_case(entry, {"UseSecurity"})) insert(server.security, flag(use) ? "UseSecurity" : "none");
  server.reverse = server.reverse || flag(member_any_case(entry, {"UseReverseConnect"}));
  server.user = server.user || equal_any_case(raw_text(member_any_case(entry, {"OpcAuthenticationMode"})), "UsernamePassword");
  const auto take_node = [&](const Json& node) {
    ++server.node_count;
    insert(server.nodes, node_id(node));
  };
  const Json* nodes = member_any_case(entry, {"OpcNodes"});
  if (nodes != nullptr && nodes->is_array()) {
    for (const Json& node : *nodes) take_node(node);
  } else if (member_any_case(entry, {"NodeId"}) != nullptr) {
    take_node(entry);  // the oldest files
  }
}

Evidence to_evidence(const std::string& name, const Server& server, const ModuleRef& module) {
  Evidence evidence;
  evidence.source = Source::opc_publisher;
  evidence.kind = flow::DeviceKind::manufactured;
  evidence.name = bounded(name);
  evidence.parent = module.gateway_id;
  evidence.module_id = module.module_id;
  add_hardware_id(evidence, "url", server.url);
  add_address(evidence, to_address(server.target, {kTcp, 4840}));
  Json configuration{{"EndpointUrl", server.url}, {"nodeCount", server.node_count}};
  const auto list = [&](const char* key, const std::set<std::string>& texts) {
    if (!texts.empty()) configuration[key] = texts;
  };
  list("DataSetWriterGroup", server.groups);
  list("DataSetWriterId", server.writers);
  list("OpcNodes", server.nodes);
  list("security", server.security);
  if (server.reverse) configuration["UseReverseConnect"] = true;
  if (server.user) configuration["OpcAuthenticationMode"] = "UsernamePassword";
  evidence.configuration = clean_configuration(configuration);
  return evidence;
}

}  // namespace

PublishedNodesPath published_nodes_path(std::string_view create_options, const std::map<std::string, std::string>& environment,
                                        const std::vector<HostMount>& mounts) {
  CreateOptions options;
  if (const auto parsed = parse_json(create_options)) options = read_create_options(*parsed);
  std::string file = file_argument(options.command);
  if (file.empty()) file = variable(environment, "PublishedNodesFile");
  if (file.empty()) file = variable(options.environment, "PublishedNodesFile");
  if (file.empty()) file = kDefaultFile;
  if (!file.starts_with('/')) {
    std::string folder = options.working_directory.starts_with('/') ? options.working_directory : std::string(kImageDirectory);
    file = folder + "/" + file;
  }
  PublishedNodesPath path;
  path.in_container = normal_path(file);
  if (path.in_container.empty()) return path;
  std::vector<CreateOptions::Mount> all;
  for (const HostMount& mount : mounts) all.push_back({mount.host_path, mount.container_path});
  all.insert(all.end(), options.mounts.begin(), options.mounts.end());
  path.on_host = host_path(path.in_container, all);
  return path;
}

Reading read_published_nodes(std::string_view file, const ModuleRef& module) {
  Reading out;
  const auto parsed = parse_json(file, {.bytes = kMaxFile, .values = 500'000, .comments = true});
  if (!parsed || !parsed->is_array()) {
    add_fault(out, "module " + module.module_id + ": published nodes: " + (parsed ? "no array" : parsed.error().message));
    return out;
  }
  std::map<std::string, Server> servers;
  std::size_t index = 0;
  for (const Json& entry : *parsed) {
    const std::string place = "module " + module.module_id + ": published nodes: entry " + std::to_string(index++);
    const Json* url = member_any_case(entry, {"EndpointUrl"});
    auto target = parse_target(raw_text(url));
    if (!target || target->kind == Target::Kind::serial) {
      add_fault(out, place + ": EndpointUrl is none");
      continue;
    }
    if (target->scheme.empty()) target->scheme = "opc.tcp";
    while (target->path.ends_with('/')) target->path.pop_back();
    flow::DeviceAddress address = to_address(*target, {kTcp, 4840});
    const std::string where = address.ip ? flow::to_string(address) : address.text + ":" + std::to_string(address.port);
    const std::string name = where + target->path;
    if (servers.size() >= kMaxEvidence && !servers.contains(name)) continue;
    Server& server = servers[name];
    server.url = target->scheme + "://" + name;
    server.target = std::move(*target);
    take_entry(entry, server);
  }
  for (const auto& [name, server] : servers) add(out, to_evidence(name, server, module));
  return out;
}

}  // namespace iris::identity
