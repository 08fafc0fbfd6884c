// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace iris::identity {

/// What IoT Hub says of the deployments and configurations that reach one gateway.
struct DeploymentTexts {
  std::string_view device_twin;            // `configurations` of both say which, and with what success
  std::string_view edge_agent;
  std::span<const std::string> documents;  // of `/configurations`, where the policy may read them
};

/// A JSON object of those that target the gateway, by id: "status" ("Applied": in its manifest; "Targeted": matched,
/// but outranked), and of the document "kind" ("deployment", "layered_deployment", "configuration"), "priority",
/// "targetCondition", "labels", "lastUpdatedTimeUtc", and the hub's own counts over the fleet, "targetedCount" and
/// "appliedCount". Documents that no twin names are left out: they are of other gateways. "" when there is
/// nothing to say. Their contents (module settings, registry credentials) never get in here.
std::string read_deployments(const DeploymentTexts& texts);

/// `configuration`, a JSON object or "", with `deployments` as a member; itself when there are none.
std::string with_deployments(const std::string& configuration, const std::string& deployments);

}  // namespace iris::identity
