// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "identity/evidence.h"

/// The twin of $edgeAgent: what is deployed on a gateway and how it runs.
namespace iris::identity {

struct EdgeModule {
  std::string id;  // in IoT Hub: "modbus1", "$edgeHub"
  std::string image;
  std::string desired_status;  // "running", "stopped"
  std::string runtime_status;  // "running", "backoff", ..; "" when the agent has not reported it
  std::optional<std::int64_t> exit_code;
  std::int64_t restart_count = 0;
  std::uint64_t last_start_wall_ns = 0;  // 0: never
  std::uint64_t last_exit_wall_ns = 0;
  bool desired = false;   // the deployment names it
  bool reported = false;  // the agent has it
  /// From the deployment, or else as reported. They may hold secrets: for the readers of this
  /// folder, never to be stored or logged. The options are a JSON object.
  std::map<std::string, std::string> environment;
  std::string create_options;
};

struct EdgeAgentReading {
  Reading reading;                  // one piece of evidence for each module: source edge_agent, kind module
  std::vector<EdgeModule> modules;  // the same modules, in the same order
  bool usable = false;              // false: the twin says nothing; nobody may be called a ghost
  bool stale = false;               // code 406: the agent is stopped or out of contact; states are old
  std::int64_t desired_status_code = 0;  // lastDesiredStatus.code
  std::string agent_version;
};

EdgeAgentReading read_edge_agent(std::string_view twin, const std::string& gateway_id);

/// Sets deployed to false for the modules of this gateway that IoT Hub lists and $edgeAgent does
/// not. Does nothing when the agent's twin could not be used.
void mark_ghosts(std::vector<Evidence>& module_twins, const EdgeAgentReading& agent, const std::string& gateway_id);

}  // namespace iris::identity
