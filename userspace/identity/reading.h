// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "identity/evidence.h"

namespace iris::identity {

inline constexpr std::size_t kMaxEvidence = 10'000;  // of one document or page
inline constexpr std::size_t kMaxFaults = 32;
inline constexpr std::size_t kMaxHardwareIds = 16;   // of one piece of evidence
inline constexpr std::size_t kMaxEvidenceAddresses = 16;

/// Which module a document belongs to.
struct ModuleRef {
  std::string gateway_id;  // device id in IoT Hub
  std::string module_id;   // "modbus1", "$edgeAgent"
};

/// These keep to the limits above; what is over them becomes one fault. Repeated ids and addresses
/// are taken once, and empty ones not at all.
void add(Reading& reading, Evidence evidence);
void add_fault(Reading& reading, std::string fault);
void add_hardware_id(Evidence& evidence, std::string_view kind, std::string_view id);
void add_address(Evidence& evidence, flow::DeviceAddress address);

}  // namespace iris::identity
