// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "registry/connection_string.h"
#include "registry/https_client.h"
#include "registry/iot_hub_client.h"
#include "registry/iot_hub_sweep.h"

/// The options of IotHubClient as its parts take them.
namespace iris::registry {

HttpsOptions https_options(const IotHubOptions& options);
SweepLimits sweep_limits(const IotHubOptions& options);
/// The connection string that stands in the file.
base::Result<IotHubConnection> read_connection_file(const std::string& path);

}  // namespace iris::registry
