// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace iris::iot_hub_emulator {

/// What a hub holds. Documents are shared, so that a copy is cheap.
struct Hub {
  using Document = std::shared_ptr<const nlohmann::json>;
  using Documents = std::map<std::string, Document>;

  Documents devices;         // twins, by device id
  Documents modules;         // twins, by module_key()
  Documents configurations;  // by id

  void put_device(nlohmann::json twin);  // what it lacks is added
  void put_module(nlohmann::json twin);
  void put_configuration(nlohmann::json configuration);
  /// A merge patch (RFC 7396) for a twin, whose versions and etag then change as those of
  /// IoT Hub do. `module_id` empty: the device's. False when there is no such twin.
  bool patch_twin(const std::string& device_id, const std::string& module_id, const nlohmann::json& patch);
};

std::string module_key(const std::string& device_id, const std::string& module_id);

/// From {"devices":[twin..],"modules":[twin..],"configurations":[..]}. Of a twin only the ids
/// are needed: what IoT Hub always says is added, except the fields named in "$absent":[..].
base::Result<Hub> hub_from(const nlohmann::json& document);

/// The same thing's identity in the registry. It holds keys, as the real one does; these
/// open nothing, and a client has to drop them.
nlohmann::json device_identity(const nlohmann::json& twin);
nlohmann::json module_identity(const nlohmann::json& twin);
/// The key that stands in the identity of `device_id`, or "device_id/module_id".
std::string fake_key(const std::string& id, bool primary);

struct BigHub {
  std::size_t devices = 10'000;  // gateways among them
  std::size_t modules = 100;     // of all gateways together, the system's two of each included
  std::size_t modules_of_gateway = 10;
};
/// Always the same for the same numbers: gateways with $edgeAgent, $edgeHub and modules,
/// and leaf devices, most of them below a gateway, with tags and properties.
Hub big_hub(const BigHub& size);

}  // namespace iris::iot_hub_emulator
