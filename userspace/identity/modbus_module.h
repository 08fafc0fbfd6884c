// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "identity/evidence.h"
#include "identity/reading.h"

namespace iris::identity {

/// The slaves of Microsoft's Modbus module: its twin (desired properties, or reported ones where those name
/// no slaves), its file iot-edge-modbus.json, or the configuration of its ancestor in the Gateway SDK v1
/// (modbus_read, with the ids of a mapping module).
///
/// Source modbus_module, kind manufactured. A slave is one device, named by its HwId, or by the
/// slave's name when that is missing or used twice. Where several units are polled behind one
/// connection, the slave is the bridge that carries the address, and each unit is a device
/// "HWID/unit-N" below it, without an address: flows cannot tell units apart.
Reading read_modbus_module(std::string_view document, const ModuleRef& module);

}  // namespace iris::identity
