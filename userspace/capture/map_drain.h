// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "capture/bpf_event_source.h"

namespace iris::capture {

/// Takes all entries out of a flow map that no program writes any more.
/// Its buffers are kept from one map to the next.
class FlowDrain {
 public:
  base::Result<void> drain(int map_fd, const FlowHandler& flows);

 private:
  // More than any bucket of a hash holds, or the kernel has to refuse the batch.
  std::uint32_t batch_ = 512;
  std::vector<iris_flow_key> keys_;
  std::vector<iris_flow_value> values_;
};

/// The per-CPU counters of one window, summed.
class WindowCounterMap {
 public:
  base::Result<iris_counters> read(int map_fd, std::uint32_t window);
  base::Result<void> clear(int map_fd, std::uint32_t window);

 private:
  base::Result<void> prepare();
  std::vector<iris_counters> per_cpu_;
};

}  // namespace iris::capture
