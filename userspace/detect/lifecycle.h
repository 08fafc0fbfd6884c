// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "detect/entity.h"
#include "detect/risky_list.h"
#include "flow/device.h"

/// What happens to processes and identities, and to the agent itself.
namespace iris::detect {

/// Who ends containers on purpose: an engine, edgeAgent, the service manager.
bool is_planned_stop(const flow::ExitRecord& exit);

void detect_exit(const flow::ExitRecord& exit, Entity& entity, const Thresholds& limits, Findings& out);
void detect_process(std::string_view executable, std::string_view process, Entity& entity, const RiskyList& risky,
                    Findings& out);
void detect_unauthorized(const flow::SecurityRecord& record, Entity& entity, const Thresholds& limits, Findings& out);
/// irisd itself ended by somebody who has no business with it.
void detect_agent_killed(const flow::ExitRecord& exit, const std::string& gateway, Findings& out);
Finding agent_silent(const std::string& gateway, std::uint64_t silent_s, const Thresholds& limits);

}  // namespace iris::detect
