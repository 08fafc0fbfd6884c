// SPDX-License-Identifier: Apache-2.0
#include "identity/reading.h"

#include <algorithm>

#include "identity/text.h"

namespace iris::identity {

void add(Reading& reading, Evidence evidence) {
  if (reading.evidence.size() < kMaxEvidence) {
    reading.evidence.push_back(std::move(evidence));
  } else {
    add_fault(reading, "more than " + std::to_string(kMaxEvidence) + " identities in one document: the rest is left out");
  }
}

void add_fault(Reading& reading, std::string fault) {
  auto& faults = reading.faults;
  if (std::find(faults.begin(), faults.end(), fault) != faults.end()) return;
  if (faults.size() + 1 < kMaxFaults) {
    faults.push_back(std::move(fault));
  } else if (faults.size() < kMaxFaults) {
    faults.push_back("more faults, not listed");
  }
}

void add_hardware_id(Evidence& evidence, std::string_view kind, std::string_view id) {
  if (id.empty() || evidence.hardware_ids.size() >= kMaxHardwareIds) return;
  std::string whole = std::string(kind) + ":" + bounded(id);
  auto& ids = evidence.hardware_ids;
  if (std::find(ids.begin(), ids.end(), whole) == ids.end()) ids.push_back(std::move(whole));
}

void add_address(Evidence& evidence, flow::DeviceAddress address) {
  if (!address.ip && address.text.empty()) return;
  auto& addresses = evidence.addresses;
  if (addresses.size() >= kMaxEvidenceAddresses) return;
  if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(std::move(address));
}

}  // namespace iris::identity
