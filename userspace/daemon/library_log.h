// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace iris::daemon {

/// What gRPC and protobuf have to say goes into the daemon's log, with the library's
/// name, and at most a few lines a minute: a peer decides how often they complain.
/// After set_up_log().
void take_library_logs();

}  // namespace iris::daemon
