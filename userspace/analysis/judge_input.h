// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "detect/judge.h"
#include "store/judgement.h"

namespace iris::analysis {

/// Gives one input to the judge. What was read of a damaged one is not judged. Gives
/// the end of its window; 0: it has none.
base::Result<std::uint64_t> judge_input(detect::Judge& judge, const std::string& gateway,
                                        const store::JudgeInput& input);

}  // namespace iris::analysis
