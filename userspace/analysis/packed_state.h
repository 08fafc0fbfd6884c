// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "detect/state.h"
#include "profile/profile.h"
#include "store/judgement.h"

namespace iris::analysis {

/// A judge's state as the store keeps it: in a zstd frame with checksum.
base::Result<store::JudgeState> packed(const detect::State& state);
base::Result<detect::State> unpacked(const store::JudgeState& state);

/// The profile itself.
base::Result<profile::Profile> profile_of(const store::StoredProfile& stored);

}  // namespace iris::analysis
