// SPDX-License-Identifier: Apache-2.0
#include "wire/stream_state.h"

#include "wire/flow_codec.h"
#include "wire/memory_cost.h"

namespace iris::wire {
namespace {

// Upper bounds of what either end holds for one of them.
constexpr std::size_t kOwnerOverhead = 512;
constexpr std::size_t kNameOverhead = 96;
constexpr std::size_t kKeyOverhead = 320;
constexpr std::size_t kNameOfKey = 16;

}  // namespace

std::size_t state_cost(const v1::Owner& owner) {
  return kOwnerOverhead + owner.ByteSizeLong() + static_cast<std::size_t>(owner.labels_size()) * kLabelOverheadBytes;
}

std::size_t state_cost(const v1::Name& name) { return kNameOverhead + name.text().size(); }

std::size_t state_cost(const v1::FlowKey& key) {
  return kKeyOverhead + static_cast<std::size_t>(key.peer_names_size() + key.processes_size()) * kNameOfKey;
}

std::size_t memory_cost(const flow::Batch& batch) {
  std::size_t total = 0;
  for (const auto& record : batch.records) total += memory_cost(record);
  for (const auto& gap : batch.gaps) total += sizeof(gap) + gap.reason.size();
  return total;
}

}  // namespace iris::wire
