// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "identity/evidence.h"
#include "identity/reading.h"

/// Translating modules that nobody has described: their configuration is searched for what looks like
/// the address of a device. A guess, and marked as one by its source.
namespace iris::identity {

/// Everything that may tell; each part may be empty.
struct ModuleConfiguration {
  std::string_view twin;            // the module twin as JSON
  std::string_view create_options;  // JSON: command line and environment
  std::map<std::string, std::string> environment;  // of the deployment
};

/// Host names that are no devices: this gateway's own and its modules'. Any case.
struct KnownHosts {
  std::vector<std::string> own_names;
  std::vector<std::string> module_names;
};

/// One device for each distinct address: source module_configuration, kind manufactured, named by an
/// id that stands beside the address (deviceId, hwId, devEUI, serial ..) or else by the address.
/// Left out: loopback and unspecified addresses, the hosts that are known, Azure's own, names of images, and
/// host names that neither a dot, a port nor a scheme makes likely.
Reading read_module_configuration(const ModuleConfiguration& configuration, const ModuleRef& module, const KnownHosts& known);

}  // namespace iris::identity
