// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "local/client.h"

namespace iris::local {

/// The client's side of v1.Agent. Does not connect yet.
std::unique_ptr<Client> make_client(const std::string& socket_path);

}  // namespace iris::local
