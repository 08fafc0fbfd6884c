// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "identity/evidence.h"

/// Twins of IoT Hub: the answer to one GET, or a page of a query (a JSON array). Each page
/// stands for itself and is read one twin at a time. Nothing of a twin's authentication is kept.
namespace iris::identity {

/// "gw-1" of "ms-azure-iot-edge://gw-1-638000000000000000"; "" when the text has another form.
std::string device_of_scope(std::string_view scope);

/// This gateway, as its children's twins name it.
struct Gateway {
  std::string device_id;
  std::string scope;  // empty: not known; children are then told by the device id in their scope
};

/// The scope that a twin declares for its own device; "" when it has none or is no edge device.
std::string scope_of_twin(std::string_view twin);

/// The gateway itself (kind gateway, its parent edge device as parent) and its children (kind
/// leaf); other devices of the hub are passed over. Source iot_hub.
Reading read_device_twins(std::string_view page, const Gateway& gateway);

/// The gateway's modules (kind module, name "gw1/modbus1"). deployed is set to true: what
/// $edgeAgent does not list is found out by mark_ghosts(). The properties of $edgeAgent and $edgeHub are left
/// to their own readers.
Reading read_module_twins(std::string_view page, const Gateway& gateway);

}  // namespace iris::identity
