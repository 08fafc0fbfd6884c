// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace iris::detect {

/// MITRE ATT&CK as of this version; ids revoked by it are not used.
inline constexpr std::string_view kAttackVersion = "19.1";

struct Technique {
  std::string_view id;
  std::string_view name;
  bool ics;  // matrix: ICS, else Enterprise. Not to be told from the number.
  std::string_view tactic;
};

/// Every technique that an alert may carry.
std::span<const Technique> techniques();
const Technique* find_technique(std::string_view id);

/// The techniques a rule's finding is evidence of; empty for a rule without any
/// (a plain bug) or an unknown one.
std::span<const std::string_view> techniques_of(std::string_view rule);

}  // namespace iris::detect
