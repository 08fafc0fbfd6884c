// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "identity/json.h"

namespace iris::identity {

/// What Docker is told to make of a module. Command line and environment hold secrets: for the
/// readers of this folder, not to be stored or logged.
struct CreateOptions {
  std::vector<std::string> command;                // Entrypoint, then Cmd
  std::map<std::string, std::string> environment;  // Env
  std::string working_directory;
  struct Mount {
    std::string source;  // a path of the host, or the name of a volume
    std::string target;  // a path in the container
  };
  std::vector<Mount> mounts;  // HostConfig.Binds and HostConfig.Mounts
};

/// The createOptions of a module's `settings` as JSON: the pieces createOptions, createOptions01, .. 99
/// put together up to the first that is missing, then parsed. An empty object when there are none, or
/// only "null"; nothing when they are no JSON object.
std::optional<Json> join_create_options(const Json& settings);

/// Member names in any case, as Docker reads them.
CreateOptions read_create_options(const Json& options);

/// The part of the options that tells something about a module, for Evidence.configuration. Still to be cleaned.
Json telling_options(const Json& options);

}  // namespace iris::identity
