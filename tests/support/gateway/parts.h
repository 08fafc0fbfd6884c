// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// The parts that iris-demo can play. Each runs until it is killed.
namespace iris::demo {

using Arguments = std::vector<std::string>;

// Modules: in containers, configured by IoT Edge's environment variables.
[[noreturn]] void edge_agent(const Arguments& arguments);        // MANAGEMENT REGISTRY
[[noreturn]] void edge_hub(const Arguments& arguments);          // (none)
[[noreturn]] void modbus_module(const Arguments& arguments);     // SLAVE ABSENT_SLAVE
[[noreturn]] void telemetry_module(const Arguments& arguments);  // WEATHER_SERVICE DROPPED_SERVICE
[[noreturn]] void vision_module(const Arguments& arguments);     // SECONDS_TO_CRASH, 0: at SIGUSR1

// What stands around the gateway: plain processes in network namespaces.
[[noreturn]] void management(const Arguments& arguments);    // OWN_ENDPOINT MODULE..
[[noreturn]] void cloud(const Arguments& arguments);         // (none)
[[noreturn]] void names(const Arguments& arguments);         // OWN_ADDRESS NAME=ADDRESS..
[[noreturn]] void modbus_slave(const Arguments& arguments);  // OWN_ENDPOINT
[[noreturn]] void leaf_device(const Arguments& arguments);   // GATEWAY DEVICE_ID

}  // namespace iris::demo
