// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace iris::identity {

/// "azureiotedge/modbus" of "registry.example:5000/azureiotedge/modbus:1.0@sha256:..", in lower case.
std::string image_repository(std::string_view image);

/// Microsoft's Modbus module: the repository ends in "modbus" or "modbus-tcp".
bool is_modbus_image(std::string_view image);
/// Microsoft's OPC Publisher: the repository ends in "opc-publisher".
bool is_opc_publisher_image(std::string_view image);

}  // namespace iris::identity
