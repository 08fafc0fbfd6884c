// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "detect/alert.h"
#include "store/judgement.h"

/// A file that reproduces an alert: include/iris/v1/incident.proto.
namespace iris::analysis {

inline constexpr std::string_view kIncidentMagic = "IRISINCIDENT1\n";
inline constexpr std::size_t kMostIncidentBytes = 256U << 20;

struct Incident {
  std::string alert_id;
  std::string alert;  // JSON, as it stood when the file was made
  std::string program_version;
  store::StoredIncident stored;
};

std::string write_incident(const Incident& incident);
/// `bytes` may come from anywhere. They begin with kIncidentMagic.
base::Result<Incident> read_incident(std::string_view bytes);

/// Judges it again: the alert of that id as it was first found, and as it grew. An error
/// when it does not come again.
base::Result<detect::Alert> reproduce(const Incident& incident);

}  // namespace iris::analysis
