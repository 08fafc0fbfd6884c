// SPDX-License-Identifier: Apache-2.0
#include "capture/map_drain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

namespace iris::capture {
namespace {

// The kernel copies each CPU's value at a multiple of 8 bytes: an array of the struct then fits.
static_assert(sizeof(iris_counters) % 8 == 0);
static_assert(sizeof(iris_counters) == offsetof(iris_counters, missed_closes) + sizeof(std::uint64_t));

constexpr std::size_t kCounters = sizeof(iris_counters) / sizeof(std::uint64_t);

}  // namespace

base::Result<void> FlowDrain::drain(int map_fd, const FlowHandler& flows) {
  std::uint32_t position = 0;  // of the next bucket
  bool started = false;
  while (true) {
    keys_.resize(batch_);
    values_.resize(batch_);
    std::uint32_t count = batch_;
    const int result = bpf_map_lookup_and_delete_batch(map_fd, started ? &position : nullptr, &position, keys_.data(),
                                                       values_.data(), &count, nullptr);
    if (result == -ENOSPC && count == 0) {
      batch_ *= 2;  // one bucket holds more than the batch; nothing was taken
      continue;
    }
    if (result != 0 && result != -ENOENT) return base::fail_errno("cannot drain a flow map", -result);
    for (std::uint32_t i = 0; i < count; ++i) flows(keys_[i], values_[i]);
    if (result == -ENOENT) return {};
    started = true;
  }
}

base::Result<void> WindowCounterMap::prepare() {
  if (!per_cpu_.empty()) return {};
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return base::fail_errno("cannot tell the number of CPUs", -cpus);
  per_cpu_.resize(static_cast<std::size_t>(cpus));
  return {};
}

base::Result<iris_counters> WindowCounterMap::read(int map_fd, std::uint32_t window) {
  if (auto prepared = prepare(); !prepared) return tl::unexpected(prepared.error());
  const int result = bpf_map_lookup_elem(map_fd, &window, per_cpu_.data());
  if (result != 0) return base::fail_errno("cannot read the counters", -result);
  iris_counters sum{};
  auto* total = reinterpret_cast<__u64*>(&sum);
  for (const iris_counters& one : per_cpu_) {
    const auto* part = reinterpret_cast<const __u64*>(&one);
    std::transform(part, part + kCounters, total, total, [](__u64 a, __u64 b) { return a + b; });
  }
  return sum;
}

base::Result<void> WindowCounterMap::clear(int map_fd, std::uint32_t window) {
  if (auto prepared = prepare(); !prepared) return prepared;
  std::fill(per_cpu_.begin(), per_cpu_.end(), iris_counters{});
  const int result = bpf_map_update_elem(map_fd, &window, per_cpu_.data(), BPF_ANY);
  if (result != 0) return base::fail_errno("cannot clear the counters", -result);
  return {};
}

}  // namespace iris::capture
