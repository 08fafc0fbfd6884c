// SPDX-License-Identifier: Apache-2.0
#include "rpc/process.h"

#include <absl/synchronization/mutex.h>
#include <sys/resource.h>

#include <cstdlib>

namespace iris::rpc {

void leave_out_lock_checks() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

void use_system_resolver() { setenv("GRPC_DNS_RESOLVER", "native", 0); }

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));  // where it may not, the service's unit has to
}

}  // namespace iris::rpc
