// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace iris::rpc {

/// To be called before the first channel or server of a process, as often as one
/// likes. Debian's absl looks for cycles in the order of locks unless told not to:
/// a tenth of the CPU time of a connection, and memory for each of its locks.
void leave_out_lock_checks();

/// Names of hosts as this system looks them up: gRPC's own resolver knows neither
/// nsswitch.conf nor mDNS. Before the first thread; who set the variable keeps it.
void use_system_resolver();

/// As many descriptors as the system lets this process have: one a connection.
void raise_descriptor_limit();

}  // namespace iris::rpc
