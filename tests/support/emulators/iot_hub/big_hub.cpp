// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "emulators/iot_hub/documents.h"

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

std::string scope_of(const std::string& gateway) { return "ms-azure-iot-edge://" + gateway + "-638000000000000000"; }

json agent_of(const std::string& gateway, const std::vector<std::string>& names) {
  json modules = json::object();
  for (const auto& name : names) {
    modules[name] = {{"version", "1.0"}, {"type", "docker"}, {"status", "running"}, {"restartPolicy", "always"},
                     {"settings", {{"image", "registry.example/" + name + ":1.0"}, {"createOptions", "{}"}}}};
  }
  const json desired = {{"schemaVersion", "1.1"}, {"modules", modules}, {"$version", 1}};
  return {{"deviceId", gateway}, {"moduleId", "$edgeAgent"}, {"properties", {{"desired", desired}}}};
}

/// Gives how many modules it made.
std::size_t add_gateway(Hub& hub, std::size_t number, std::size_t modules) {
  const auto id = fmt::format("gateway-{:04}", number);
  hub.put_device({{"deviceId", id}, {"capabilities", {{"iotEdge", true}}}, {"tags", {{"site", fmt::format("plant-{}", number % 7)}}}});
  std::vector<std::string> names;
  for (std::size_t i = 2; i < modules; ++i) names.push_back(fmt::format("module{}", i - 1));
  for (const auto& name : names) {
    hub.put_module({{"deviceId", id}, {"moduleId", name}, {"properties", {{"desired", {{"interval", 10}, {"$version", 1}}}}}});
  }
  hub.put_module(agent_of(id, names));
  hub.put_module({{"deviceId", id}, {"moduleId", "$edgeHub"}});
  return names.size() + 2;
}

void add_leaf(Hub& hub, std::size_t number, std::size_t gateways) {
  json twin = {{"deviceId", fmt::format("device-{:06}", number)},
               {"tags", {{"site", fmt::format("plant-{}", number % 7)}, {"owner", "operations"}, {"floor", number % 12}}},
               {"properties", {{"desired", {{"interval", 60}, {"$version", 1}}},
                               {"reported", {{"firmware", fmt::format("1.{}.0", number % 5)}, {"$version", 1}}}}}};
  if (gateways > 0 && number % 10 != 0) {
    const auto scope = scope_of(fmt::format("gateway-{:04}", number % gateways));
    twin["deviceScope"] = scope;
    twin["parentScopes"] = {scope};
  }
  hub.put_device(std::move(twin));
}

}  // namespace

Hub big_hub(const BigHub& size) {
  Hub hub;
  std::size_t gateways = 0;
  const auto of_gateway = std::max<std::size_t>(size.modules_of_gateway, 2);
  for (std::size_t left = size.modules; left >= 2 && gateways < size.devices; ++gateways) {
    left -= add_gateway(hub, gateways, std::min(left, of_gateway));
  }
  for (std::size_t i = gateways; i < size.devices; ++i) add_leaf(hub, i, gateways);
  return hub;
}

}  // namespace iris::iot_hub_emulator
