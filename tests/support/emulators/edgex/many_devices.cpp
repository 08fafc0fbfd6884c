// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "emulators/edgex/service.h"

namespace iris::edgex_emulator {
namespace {

using nlohmann::json;

json device_of(std::size_t number, Api api) {
  const auto address = fmt::format("198.51.100.{}", 1 + number % 254);
  json device = {{"id", fmt::format("55b68fcf-0000-4000-8000-{:012}", number)}, {"name", fmt::format("meter-{:05}", number)},
                 {"adminState", "UNLOCKED"}, {"labels", {"modbus", number % 2 == 0 ? "even" : "odd"}}};
  const auto unit = 1 + number / 254;
  if (api == Api::v3) {
    device["protocols"] = {{"modbus-tcp", {{"Address", address}, {"Port", 502}, {"UnitID", unit}}}};
  } else {  // strings only
    device["protocols"] = {{"modbus-tcp", {{"Address", address}, {"Port", "502"}, {"UnitID", std::to_string(unit)}}}};
  }
  if (api == Api::v1) {
    device["operatingState"] = "ENABLED";
    device["service"] = {{"name", "device-modbus"}};
    device["profile"] = {{"name", "meter"}};
  } else {
    device["operatingState"] = "UP";
    device["serviceName"] = "device-modbus";
    device["profileName"] = "meter";
  }
  return device;
}

}  // namespace

Devices many_devices(std::size_t count, Api api) {
  Devices devices;
  for (std::size_t i = 0; i < count; ++i) devices.push_back(device_of(i, api));
  return devices;
}

}  // namespace iris::edgex_emulator
