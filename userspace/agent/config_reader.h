// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config.h"

namespace iris::agent {

/// One thing that is wrong with the configuration, and where: "irisd.toml:12" or
/// "IRIS_WINDOW". Never holds a secret.
struct Fault {
  std::string where;
  std::string message;
};

struct ConfigReading {
  Config config;
  std::vector<Fault> faults;    // irisd does not start with any
  std::vector<Fault> warnings;  // variables that look like ours and are not
};

using Environment = std::map<std::string, std::string>;
/// The variables of this process that begin with IRIS_.
Environment iris_environment();

/// Where the file is when nobody says otherwise.
inline constexpr const char* kConfigPath = "/etc/iris/irisd.toml";

/// Defaults, then the file, then the environment, then the checks that need all of
/// them; goes on after a fault, so that all are named. `must_exist`: somebody asked
/// for this file, so that its absence is a fault.
ConfigReading read_config(const std::string& path, bool must_exist, const Environment& environment);

}  // namespace iris::agent
