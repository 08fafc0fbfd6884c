// SPDX-License-Identifier: Apache-2.0
#include "identity/evidence.h"

#include <utility>

namespace iris::identity {

const char* to_string(Source source) {
  static constexpr const char* kNames[] = {"configured",        "iot_hub",              "edge_agent", "edge_hub",        "edgex", "modbus_module", "opc_publisher",
                                           "translation_table", "module_configuration", "dhcp_lease", "neighbour_table", "host_name"};
  return kNames[static_cast<std::size_t>(source)];
}

std::vector<SharedEvidence> share(std::vector<Evidence> evidence) {
  std::vector<SharedEvidence> shared;
  shared.reserve(evidence.size());
  for (auto& one : evidence) shared.push_back(std::make_shared<const Evidence>(std::move(one)));
  return shared;
}

}  // namespace iris::identity
