// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "identity/evidence.h"

namespace iris::identity {

/// The clients in the reported properties of the twin of $edgeHub: who uses this gateway now.
/// Source edge_hub; kind leaf for downstream devices, module for "device/module". Connected ones have
/// connected set. A device's parent is left empty: the hub also serves devices that are children of none.
Reading read_edge_hub(std::string_view twin, const std::string& gateway_id);

}  // namespace iris::identity
