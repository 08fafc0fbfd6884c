// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "identity/registry_client.h"
#include "identity/translation_table.h"

/// What a registry module is told by the program that loads it: libiris-registry.so
/// makes the clients of IoT Hub and EdgeX, libiris-event-hub.so the reader of Event
/// Hubs. A gateway without a registry never has the pages of their libraries.
namespace iris::registry {

struct Settings {
  std::string registry;  // "iot_hub", "event_hub" or "edgex"
  std::string connection_string;  // secret: wiped by who set it
  std::string connection_string_file;
  std::string address;
  std::string ca_file;
  std::string proxy;
  // IoT Hub
  std::string device_id;
  std::string cache_file;
  std::uint32_t queries_per_minute = 10;
  std::vector<identity::TranslationRow> translation;
  std::vector<std::string> own_names;  // of this host
  // Event Hubs
  std::string hub;
  std::string consumer_group;
  bool from_earliest = false;
  std::map<std::string, std::string> kept;  // "host/hub/group/partition": offset
  // EdgeX
  std::string url;
  std::string token_file;
};

struct Made {
  std::unique_ptr<identity::RegistryClient> client;  // null: see fault
  std::string fault;
  std::string checkpoint_prefix;  // "host/hub/group/", of this reader
};

/// Each module's one symbol.
inline constexpr const char* kMakeSymbol = "iris_make_registry_client";
using Make = void (*)(const Settings& settings, Made& made);

}  // namespace iris::registry
