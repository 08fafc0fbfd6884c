// SPDX-License-Identifier: Apache-2.0
#include "agent/registries.h"

#include <dlfcn.h>
#include <spdlog/spdlog.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "neighbours/neighbour_client.h"
#include "registry/settings.h"

namespace iris::agent {
namespace {

constexpr const char* kHubVariable = "AZURE_IOT_HUB_CONNECTION_STRING";
constexpr const char* kEventVariable = "AZURE_EVENT_HUB_CONNECTION_STRING";
constexpr const char* kCheckpoints = "event_hub/";

std::string variable(const char* name) {
  const char* value = secure_getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// As the module of the runtime clients is found: named, beside the program, in ../lib/iris.
std::string find_module(const std::string& name) {
  if (const char* named = secure_getenv("IRIS_REGISTRY_MODULE"); named != nullptr && *named != '\0') {
    return (std::filesystem::path(named) / name).string();
  }
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  for (const auto& candidate : {program.parent_path() / name, program.parent_path() / "../lib/iris" / name}) {
    if (std::filesystem::exists(candidate, error)) return candidate.string();
  }
  return {};
}

registry::Made make(const registry::Settings& settings) {
  registry::Made made;
  const std::string name = settings.registry == "event_hub" ? "libiris-event-hub.so" : "libiris-registry.so";
  const std::string path = find_module(name);
  if (path.empty()) {
    made.fault = name + " is not installed beside the program";
    return made;
  }
  // Never closed: threads of the libraries behind it do not end before the process does.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    const char* reason = dlerror();
    made.fault = "cannot load " + path + ": " + (reason != nullptr ? reason : "unknown error");
    return made;
  }
  const auto maker = reinterpret_cast<registry::Make>(dlsym(module, registry::kMakeSymbol));
  if (maker == nullptr) {
    made.fault = path + " is of another version";
    return made;
  }
  maker(settings, made);
  return made;
}

std::vector<std::string> own_names() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return {};
  return {name.data()};
}

/// All registries that are configured, each with what it needs.
std::vector<registry::Settings> wanted(const Config& config) {
  std::vector<registry::Settings> all;
  registry::Settings hub;
  hub.registry = "iot_hub";
  hub.connection_string = variable(kHubVariable);
  hub.connection_string_file = config.iot_hub.connection_string_file;
  if (!hub.connection_string.empty() || !hub.connection_string_file.empty()) {
    hub.address = config.iot_hub.address;
    hub.ca_file = config.iot_hub.ca_file;
    hub.proxy = config.iot_hub.proxy;
    hub.queries_per_minute = config.iot_hub.queries_per_minute;
    hub.device_id = config.identity.device_id;
    hub.cache_file = config.spool.directory + "/iot-hub.cache";
    hub.translation = config.identity.translation;
    hub.own_names = own_names();
    all.push_back(std::move(hub));
  }
  registry::Settings events;
  events.registry = "event_hub";
  events.connection_string = variable(kEventVariable);
  events.connection_string_file = config.event_hub.connection_string_file;
  if (!events.connection_string.empty() || !events.connection_string_file.empty()) {
    events.address = config.event_hub.address;
    events.ca_file = config.event_hub.ca_file;
    events.hub = config.event_hub.hub;
    events.consumer_group = config.event_hub.consumer_group;
    events.from_earliest = config.event_hub.start == "earliest";
    all.push_back(std::move(events));
  }
  if (!config.edgex.url.empty()) {
    registry::Settings edgex;
    edgex.registry = "edgex";
    edgex.url = config.edgex.url;
    edgex.token_file = config.edgex.token_file;
    edgex.ca_file = config.edgex.ca_file;
    all.push_back(std::move(edgex));
  }
  return all;
}

void wipe(std::vector<registry::Settings>& all) {
  for (auto& settings : all) explicit_bzero(settings.connection_string.data(), settings.connection_string.size());
}

std::map<std::string, std::string> with_prefix(const std::map<std::string, std::string>& kept, const std::string& prefix) {
  std::map<std::string, std::string> found;
  for (auto at = kept.lower_bound(prefix); at != kept.end() && at->first.starts_with(prefix); ++at) {
    found.emplace(at->first.substr(prefix.size()), at->second);
  }
  return found;
}

}  // namespace

base::Result<std::unique_ptr<IdentityHub>> make_identity_hub(const Config& config, std::map<std::string, std::string> kept) {
  identity::MergeRules rules;
  rules.gateway = config.identity.device_id;
  for (const auto& [name, device] : config.identity.mapping) rules.mapping.emplace(name, device);
  auto hub = std::make_unique<IdentityHub>(std::move(rules), with_prefix(kept, Inventory::kPrefix));
  auto all = wanted(config);
  for (auto& settings : all) {
    settings.kept = with_prefix(kept, kCheckpoints);
    auto made = make(settings);
    if (!made.client) {
      wipe(all);
      return base::fail(settings.registry + ": " + made.fault, base::Error::Kind::usage);
    }
    if (!made.checkpoint_prefix.empty()) hub->set_checkpoint_prefix(kCheckpoints + made.checkpoint_prefix);
    hub->add(settings.registry, std::move(made.client));
  }
  wipe(all);
  if (config.identity.neighbours) hub->add("neighbours", std::make_unique<neighbours::NeighbourClient>(neighbours::NeighbourOptions{}));
  return hub;
}

std::vector<std::string> check_registries(const Config& config) {
  std::vector<std::string> faults;
  auto all = wanted(config);
  for (const auto& settings : all) {
    if (auto made = make(settings); !made.client) faults.push_back(settings.registry + ": " + made.fault);
  }
  wipe(all);
  return faults;
}

}  // namespace iris::agent
