// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <span>

#include "flow/device.h"

namespace iris::identity {

/// Which way a device takes to the cloud, from who knows it:
///
///   in IoT Hub and in a registry on the gateway (EdgeX, the configuration
///   of a translating module)                                             identity_translation
///   in IoT Hub, below a gateway (its scope) or a client of edgeHub now   transparent
///   in a module's configuration and not in IoT Hub                       protocol_translation
///   anything else: in EdgeX only, or only observed, or in IoT Hub with
///   nothing that ties it to a gateway                                    none
///
/// None for gateways and modules.
flow::GatewayPattern pattern_of(const flow::Device& device);

/// The patterns that a gateway serves: those of its devices, without the ones
/// that hang below another gateway.
std::set<flow::GatewayPattern> patterns_of(std::span<const flow::Device> devices, const std::string& gateway);

}  // namespace iris::identity
