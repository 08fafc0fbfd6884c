// SPDX-License-Identifier: Apache-2.0
#include "identity/device_diff.h"

#include <algorithm>

namespace iris::identity {
namespace {

using flow::Device;
using flow::DeviceRecord;

std::vector<const Device*> in_order(std::span<const Device> devices) {
  std::vector<const Device*> sorted;
  sorted.reserve(devices.size());
  for (const Device& device : devices) sorted.push_back(&device);
  std::sort(sorted.begin(), sorted.end(), [](const Device* a, const Device* b) { return a->id < b->id; });
  return sorted;
}

}  // namespace

std::vector<DeviceRecord> all_present(std::span<const Device> devices, std::uint64_t wall_ns) {
  std::vector<DeviceRecord> records;
  records.reserve(devices.size());
  for (const Device* device : in_order(devices)) records.push_back({wall_ns, DeviceRecord::Change::present, *device});
  return records;
}

std::vector<DeviceRecord> changes(std::span<const Device> before, std::span<const Device> after, std::uint64_t wall_ns) {
  const auto was = in_order(before);
  const auto is = in_order(after);
  std::vector<DeviceRecord> records;
  const auto add = [&](DeviceRecord::Change change, const Device& device) { records.push_back({wall_ns, change, device}); };
  auto old = was.begin();
  auto now = is.begin();
  while (old != was.end() || now != is.end()) {
    if (now == is.end() || (old != was.end() && (*old)->id < (*now)->id)) {
      add(DeviceRecord::Change::removed, **old++);
    } else if (old == was.end() || (*now)->id < (*old)->id) {
      add(DeviceRecord::Change::added, **now++);
    } else {
      if (**old != **now) add(DeviceRecord::Change::updated, **now);
      ++old;
      ++now;
    }
  }
  return records;
}

}  // namespace iris::identity
