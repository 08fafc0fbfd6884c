// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "rpc/endpoint.h"
#include "ship/uplink.h"

namespace iris::ship {

struct Connection {
  std::shared_ptr<grpc::Channel> channel;
  std::string token;  // empty: the certificate speaks for the gateway
};

/// Checks that the options go together; reads no file.
base::Result<rpc::Endpoint> check_options(const UplinkOptions& options);

/// Reads the certificates and the token as they are now, and makes a channel, which
/// connects when it is first used. Errors never quote what a file holds.
base::Result<Connection> open_connection(const UplinkOptions& options, const rpc::Endpoint& endpoint);

}  // namespace iris::ship
