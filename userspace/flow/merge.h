// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "flow/batch.h"

namespace iris::flow {

/// Several consecutive batches as one: flow summaries of the same key become one
/// (counters added, `active` of the last, extremes kept, window from the first
/// start to the last end), ledgers one, all other records in their order.
/// Two flows have the same key when owner, role, protocol, peer address, service
/// port, scope and `folded` are the same.
Batch merge(std::vector<Batch> batches);

/// True when the batch holds nothing that should be shipped at once: no exit, no
/// container change, no gap, no loss, and no flow key that `before` has not.
bool can_wait(const Batch& batch, const Batch& before);

}  // namespace iris::flow
