// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "identity/evidence.h"
#include "registry/iot_hub_session.h"

/// What the client of IoT Hub reads out of documents for its own use, and how it says what is
/// wrong. The service's own words for a refusal are the same for a dozen causes.
namespace iris::registry {

/// "/twins/gw1/modules/%24edgeAgent"; without a module id the device's own.
std::string twin_path(const std::string& device_id, const std::string& module_id);
bool is_json_object(std::string_view text);
/// The ids under `configurations` of a twin.
std::set<std::string> deployments_named_in(std::string_view twin);
/// Modules whose configuration names devices: their twins are asked for with the gateway's own. At most `max`.
std::set<std::string> translators_in(const std::vector<identity::Evidence>& evidence, std::size_t max);

/// `pause` and up to a tenth more, so that not all gateways come back at once.
std::chrono::milliseconds spread(std::chrono::milliseconds pause);

std::string describe_refusal(const IotHubSession& session, const IotHubAnswer& answer);
std::string describe_missing_gateway(const IotHubSession& session, const IotHubAnswer& answer, const std::string& gateway_id);
/// Empty when the clock is right, as far as is known.
std::string describe_clock(const IotHubSession& session);
std::string describe_count(const std::string& gateway_id, std::size_t children, std::size_t modules, bool swept);

/// The parts that are not empty, and not there twice, with "; " in between; bounded.
std::string joined(const std::vector<std::string>& parts);

}  // namespace iris::registry
