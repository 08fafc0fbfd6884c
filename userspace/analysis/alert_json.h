// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "detect/alert.h"

namespace iris::analysis {

/// The alert as the JSON of the contract, in parts: those that a store keeps, and adds
/// to later. An object without device, evidence and status; and an array of records.
std::string alert_body(const detect::Alert& alert);
std::string alert_evidence(const detect::Alert& alert);

/// The whole, without a line feed. `device`: the DEVICE object of the workload as text,
/// or empty.
void append_alert(std::string& out, const detect::Alert& alert, const std::string& device);

}  // namespace iris::analysis
