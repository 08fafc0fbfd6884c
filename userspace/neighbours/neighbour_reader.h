// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "neighbours/neighbour_evidence.h"

namespace iris::neighbours {

/// Adds neighbours, interfaces, own addresses and gateways of the caller's network
/// namespace. `skipped` counts neighbours beyond `max`.
base::Result<void> read_kernel(Observation& seen, std::size_t max, std::uint64_t& skipped);

/// The whole file; empty when there is none; an error when it cannot be read, is no
/// regular file or has more than 8 MiB.
base::Result<std::string> read_file(const std::string& path);

}  // namespace iris::neighbours
