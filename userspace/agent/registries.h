// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/config.h"
#include "agent/identity_hub.h"
#include "base/result.h"

namespace iris::agent {

/// Who is asked for identities, as the configuration and the two AZURE_ variables say.
/// `kept`: all that the spool keeps. What cannot be set up is logged and shown by
/// status; only a module that is missing or a connection string that cannot work is
/// an error.
base::Result<std::unique_ptr<IdentityHub>> make_identity_hub(const Config& config,
                                                             std::map<std::string, std::string> kept);

/// Is a connection string there that cannot work, or a URL? In words, for --check-config.
std::vector<std::string> check_registries(const Config& config);

}  // namespace iris::agent
