// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace iris::bench {

/// Attaches programs of two instructions where a tracer of sockets and exits
/// has to be (state changes, exits, packets in and out) and sleeps: what is
/// paid for being there at all. Ends the process with 1 if it cannot.
[[noreturn]] void run_empty_tracer(const std::string& cgroup2_root);

}  // namespace iris::bench
