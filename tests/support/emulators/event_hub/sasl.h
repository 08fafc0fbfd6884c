// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/transport.h>

namespace iris::event_hub_emulator {

class Connection;

/// Makes a server's transport offer MSSBCBS, PLAIN, ANONYMOUS and EXTERNAL, in this order, as
/// the service does, and ask `connection` about keys.
void install_sasl(pn_transport_t* transport, Connection& connection);

}  // namespace iris::event_hub_emulator
