// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "identity/json.h"
#include "identity/reading.h"

namespace iris::identity {

/// Takes what names a piece of hardware or its place in the network out of the members of `object`
/// and of the objects in it, by their names: mac, macAddress, serial, serialNumber, devEUI, hwId,
/// ip, ipAddress, ipv4.. Registries keep such in tags and properties; it is what they are joined by.
void collect_hardware(const Json& object, Evidence& evidence);

}  // namespace iris::identity
