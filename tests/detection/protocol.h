// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "score.h"

namespace iris::detection {

/// One line of protocol.tsv: learns, tests, scores.
base::Result<Result> run_line(const Folder& folder, const ProtocolLine& line);

}  // namespace iris::detection
