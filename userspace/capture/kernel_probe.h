// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace iris::capture {

/// What differs between kernels, asked of the running one instead of its version.
struct KernelFeatures {
  bool coarse_clock = false;      // bpf_ktime_get_coarse_ns in cgroup programs
  bool get_retval = false;        // bpf_get_retval in connect hooks
  bool group_dead = false;        // sched_process_exit(task, group_dead)
  bool mark_victim_task = false;  // mark_victim(task, ..) instead of (pid)
  std::uint32_t v1_subsystem = 0; // index of the asked controller in css_set.subsys
};

/// Fails when the kernel has no BTF, or does not know `v1_controller` (empty: not asked).
base::Result<KernelFeatures> probe_kernel(const std::string& v1_controller);

/// The kernel knows the BPF ring buffer (5.8). False too without the right to ask.
bool has_ring_buffer();

/// True with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, or with CAP_SYS_ADMIN, which
/// includes the first two, in effect. In a user namespace that says little.
bool has_bpf_capabilities();

/// "run as root, or ...".
const char* permission_advice();

}  // namespace iris::capture
