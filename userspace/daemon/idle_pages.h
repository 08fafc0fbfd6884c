// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/result.h"

namespace iris::daemon {

/// Gives back what of this process is mapped and not needed: pages of programs and libraries that were
/// read, for instance by the start alone, and never written; and what the heap has no use for. The pages of
/// files stay in the system's cache: one that is needed again costs a minor fault, no read. A few
/// milliseconds; for any thread. The bytes of files that were unmapped.
base::Result<std::size_t> drop_idle_pages();

}  // namespace iris::daemon
