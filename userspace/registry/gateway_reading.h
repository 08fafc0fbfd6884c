// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "identity/opc_publisher.h"
#include "identity/translation_table.h"
#include "registry/readers.h"

namespace iris::registry {

struct GatewayReadingOptions {
  std::vector<identity::TranslationRow> translation_table;  // from irisd.toml; goes before the guesses
  std::vector<std::string> own_names;                       // of this host: they are no devices
  /// What the container runtime lists for a module, by its id in IoT Hub; not set: nothing.
  std::function<std::vector<identity::HostMount>(const std::string& module_id)> mounts;
  /// Reads a file of the host, bounded; not set: read_small_file().
  std::function<base::Result<std::string>(const std::string& path)> read_file;
};

/// The readers of identity/ put together: twins, $edgeAgent with its ghosts, $edgeHub, and for each
/// module that is deployed the reader that its image or the table asks for.
Readers make_readers(GatewayReadingOptions options);

/// A regular file of at most 1 MiB.
base::Result<std::string> read_small_file(const std::string& path);

}  // namespace iris::registry
