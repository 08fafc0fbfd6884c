// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "flow/records.h"

namespace iris::wire {

/// Largest batch in memory, decoded. A byte on the wire can ask for a hundred
/// (an empty record, an empty name), so the size of the content alone is no bound.
inline constexpr std::size_t kMaxDecodedBytes = 64U << 20;

/// About what a record takes in memory, without its owners.
std::size_t memory_cost(const flow::Record& record);

}  // namespace iris::wire
