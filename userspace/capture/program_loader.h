// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "capture/bpf_event_source.h"
#include "capture/bpf_handles.h"
#include "capture/kernel_probe.h"

namespace iris::capture {

struct LoadedPrograms {
  SkeletonPtr skeleton;
  /// Programs that were left out, and why.
  std::map<std::string, std::string, std::less<>> left_out;
};

/// `bytes` as a size that the kernel takes for a ring buffer: a power of two and
/// a multiple of the page size.
std::uint32_t ring_size(std::uint32_t bytes, std::uint32_t page_bytes);

/// Loads what the kernel takes. One refused program refuses the whole object, so
/// the load is tried again without it, or with its fallback, until it passes.
base::Result<LoadedPrograms> load_programs(const BpfOptions& options, const KernelFeatures& features,
                                           std::uint32_t owner_hierarchy);

}  // namespace iris::capture
