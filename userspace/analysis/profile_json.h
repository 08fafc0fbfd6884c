// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "profile/profile.h"

namespace iris::analysis {

/// What a profile holds, for people: one JSON object.
std::string profile_summary(const std::string& key, const profile::Profile& profile);

}  // namespace iris::analysis
