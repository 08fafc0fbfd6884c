// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/evidence.h"
#include "identity/reading.h"

/// Microsoft's OPC Publisher keeps its servers in a file, not in a twin.
namespace iris::identity {

/// A path of the container that is one of the host, as Docker lists it: also volumes.
struct HostMount {
  std::string host_path;
  std::string container_path;
};

/// The file of the published nodes as the container names it, and on the host.
struct PublishedNodesPath {
  std::string in_container;
  std::optional<std::string> on_host;  // none: the file lies inside the container, or in a volume whose place is not known
};

/// Out of the module's create options (JSON) and environment: a command line argument, or else the variable
/// PublishedNodesFile, or else the default. `mounts` are what the container runtime lists, where it is
/// known; they go before those of the options.
PublishedNodesPath published_nodes_path(std::string_view create_options, const std::map<std::string, std::string>& environment,
                                        const std::vector<HostMount>& mounts = {});

/// The servers in that file, one for each distinct EndpointUrl: source opc_publisher, kind manufactured,
/// named "host:port" and the URL's path.
Reading read_published_nodes(std::string_view file, const ModuleRef& module);

}  // namespace iris::identity
