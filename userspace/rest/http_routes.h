// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rest/api.h"

namespace httplib {
class Server;
}

namespace iris::rest {

/// Has the server answer every request with what the Api says, which outlives it.
void add_routes(httplib::Server& server, const Api& api);

}  // namespace iris::rest
