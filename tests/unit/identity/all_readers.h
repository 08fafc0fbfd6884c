// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "identity/edge_agent.h"
#include "identity/edge_hub.h"
#include "identity/edgex_devices.h"
#include "identity/modbus_module.h"
#include "identity/module_configuration.h"
#include "identity/opc_publisher.h"
#include "identity/resource_logs.h"
#include "identity/token_expiry.h"
#include "identity/translation_table.h"
#include "identity/twins.h"

/// Every reader behind one signature, for tests of what must hold for all of them.
namespace iris::identity::all_readers {

/// What a reader gives away to others.
struct Output {
  std::vector<Evidence> evidence;
  std::vector<flow::SecurityRecord> records;
  std::vector<std::string> texts;  // faults and the rest
};

inline Output of(Reading reading) { return {std::move(reading.evidence), {}, std::move(reading.faults)}; }

/// Every text in it.
inline std::vector<std::string> texts_of(const Output& output) {
  std::vector<std::string> texts = output.texts;
  for (const Evidence& one : output.evidence) {
    for (const auto* text : {&one.name, &one.parent, &one.module_id, &one.tags, &one.configuration, &one.status}) texts.push_back(*text);
    for (const auto& id : one.hardware_ids) texts.push_back(id);
    for (const auto& address : one.addresses) texts.push_back(flow::to_string(address));
  }
  for (const auto& one : output.records) {
    for (const auto* text : {&one.device_id, &one.module_id, &one.category, &one.operation, &one.code, &one.description, &one.protocol, &one.remote_address, &one.hub, &one.device}) {
      texts.push_back(*text);
    }
  }
  return texts;
}

struct Reader {
  const char* name;
  Output (*read)(std::string_view text);
};

inline const std::array kReaders = {
    Reader{"device_twins", [](std::string_view text) { return of(read_device_twins(text, {"gw1", "ms-azure-iot-edge://gw1-638000000000000000"})); }},
    Reader{"device_twins_of_unknown_scope", [](std::string_view text) {
             Output out = of(read_device_twins(text, {"gw1", ""}));
             out.texts.push_back(scope_of_twin(text));
             return out;
           }},
    Reader{"module_twins", [](std::string_view text) { return of(read_module_twins(text, {"gw1", ""})); }},
    Reader{"edge_agent", [](std::string_view text) {
             EdgeAgentReading reading = read_edge_agent(text, "gw1");
             Output out = of(std::move(reading.reading));
             mark_ghosts(out.evidence, reading, "gw1");
             for (const EdgeModule& module : reading.modules) {  // what they hold is not given away, but used further
               for (const Output& more : {of(read_module_configuration({"", module.create_options, module.environment}, {"gw1", module.id}, {}))}) {
                 out.evidence.insert(out.evidence.end(), more.evidence.begin(), more.evidence.end());
               }
               published_nodes_path(module.create_options, module.environment);
               out.texts.insert(out.texts.end(), {module.image, module.desired_status, module.runtime_status, reading.agent_version});
             }
             return out;
           }},
    Reader{"edge_hub", [](std::string_view text) { return of(read_edge_hub(text, "gw1")); }},
    Reader{"modbus_module", [](std::string_view text) { return of(read_modbus_module(text, {"gw1", "modbus1"})); }},
    Reader{"published_nodes", [](std::string_view text) { return of(read_published_nodes(text, {"gw1", "opc"})); }},
    Reader{"published_nodes_path", [](std::string_view text) {
             published_nodes_path(text, {});
             return Output{};
           }},
    Reader{"module_configuration", [](std::string_view text) { return of(read_module_configuration({.twin = text}, {"gw1", "m"}, {{"gw1-host"}, {"modbus1"}})); }},
    Reader{"create_options", [](std::string_view text) { return of(read_module_configuration({.create_options = text}, {"gw1", "m"}, {})); }},
    Reader{"translation_table", [](std::string_view text) {
             static const TranslationRow row{"*", "/SlaveConfigs/*", "HwId", "SlaveConnection", "TcpPort", "Operations/Op01/UnitId", 6, 502};
             return of(apply(row, text, {"gw1", "m"}));
           }},
    Reader{"edgex_devices", [](std::string_view text) { return of(read_edgex_devices(text).reading); }},
    Reader{"resource_logs", [](std::string_view text) {
             TokenExpiryFilter filter;
             LogReading reading = read_log_event(text, 1'893'553'445'000'000'000);
             Output out;
             for (const ConnectRecord& connect : reading.connects) out.texts.insert(out.texts.end(), {connect.device_id, connect.module_id, connect.hub});
             out.records = filter.take(std::move(reading), 1);
             for (auto& record : filter.flush()) out.records.push_back(std::move(record));
             return out;
           }},
};

}  // namespace iris::identity::all_readers
