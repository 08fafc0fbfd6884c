// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "flow/device.h"

namespace iris::identity {

/// What is there at the start, in order of id: each device as `present`.
std::vector<flow::DeviceRecord> all_present(std::span<const flow::Device> devices, std::uint64_t wall_ns);

/// What changed from `before` to `after`, in order of id: `added`, `updated` (as it
/// is now) or `removed` (as it was). Ids are unique in each, the order is free.
std::vector<flow::DeviceRecord> changes(std::span<const flow::Device> before, std::span<const flow::Device> after,
                                        std::uint64_t wall_ns);

}  // namespace iris::identity
