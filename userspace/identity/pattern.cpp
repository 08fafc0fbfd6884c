// SPDX-License-Identifier: Apache-2.0
#include "identity/pattern.h"

#include <algorithm>
#include <initializer_list>

#include "identity/evidence.h"

namespace iris::identity {
namespace {

using flow::Device;
using flow::DeviceKind;
using flow::GatewayPattern;

bool has(const Device& device, std::initializer_list<Source> sources) {
  return std::any_of(sources.begin(), sources.end(), [&](Source source) {
    return std::find(device.sources.begin(), device.sources.end(), to_string(source)) != device.sources.end();
  });
}

}  // namespace

GatewayPattern pattern_of(const Device& device) {
  if (device.kind == DeviceKind::gateway || device.kind == DeviceKind::module) return GatewayPattern::none;
  const bool in_configuration =
      has(device, {Source::modbus_module, Source::opc_publisher, Source::translation_table, Source::module_configuration});
  if (has(device, {Source::iot_hub, Source::edge_hub})) {
    if (in_configuration || has(device, {Source::edgex})) return GatewayPattern::identity_translation;
    if (!device.parent.empty() || has(device, {Source::edge_hub})) return GatewayPattern::transparent;
    return GatewayPattern::none;
  }
  return in_configuration || device.kind == DeviceKind::manufactured ? GatewayPattern::protocol_translation
                                                                     : GatewayPattern::none;
}

std::set<GatewayPattern> patterns_of(std::span<const Device> devices, const std::string& gateway) {
  std::set<GatewayPattern> patterns;
  for (const Device& device : devices) {
    if (device.pattern == GatewayPattern::none) continue;
    const bool elsewhere = !device.parent.empty() && !gateway.empty() && device.parent != gateway;
    if (!elsewhere || has(device, {Source::edge_hub})) patterns.insert(device.pattern);
  }
  return patterns;
}

}  // namespace iris::identity
