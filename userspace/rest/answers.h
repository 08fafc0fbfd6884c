// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rest/api.h"

/// The answers that the store gives. A parameter that is wrong, unknown or given
/// twice is a 400; an error of the store a 500.
namespace iris::rest {

Answer readiness(const Sources& sources, const Request& request);
Answer list_gateways(const Sources& sources, const Request& request);
Answer list_owners(const Sources& sources, const Request& request);
Answer list_flows(const Sources& sources, const Request& request);
/// Identities as they stood at the end of the range, or each state within it.
Answer list_devices(const Sources& sources, const Request& request);
/// What the cloud's log told, each with the device as it was then.
Answer list_security_events(const Sources& sources, const Request& request);
/// Verdict and figures of each gateway, or of one.
Answer list_ledgers(const Sources& sources, const Request& request);

/// One gateway as /api/v1/gateways and `gateway list --json` show it.
std::string gateway_json(const store::Gateway& gateway);

}  // namespace iris::rest
