// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "enrich/runtime_client.h"

/// What containerd tells of a container, as far as we need it. Pure.
namespace iris::runtimes {

/// Takes the IoT Edge identity and the root path out of an OCI runtime spec.
/// False when it is no JSON object. The rest of the environment is never kept.
/// A relative root path is left relative (to the bundle).
bool apply_oci_spec(std::string_view json, enrich::ContainerInfo& info);

/// Labels, and the name that CRI and nerdctl leave in them: "POD/CONTAINER",
/// "POD" for a sandbox, nerdctl's name. A container of ctr's is named by its
/// id; one of Docker's has no name here.
void apply_containerd_labels(const std::map<std::string, std::string>& labels, enrich::ContainerInfo& info);

}  // namespace iris::runtimes
