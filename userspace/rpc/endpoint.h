// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace iris::rpc {

/// Where one end of the stream listens or connects to.
struct Endpoint {
  bool is_unix = false;
  std::string host;  // without brackets; the path when is_unix
  std::uint16_t port = 0;

  /// Nothing said there leaves the machine: a unix socket or a literal loopback
  /// address. A name is not enough, whatever it resolves to today.
  bool is_local() const;
  /// As gRPC wants the target of a channel; no part of it is taken for a scheme.
  std::string channel_target() const;
  std::string listen_address() const;
};

/// "host:port", "[ipv6]:port" or "unix:/path".
base::Result<Endpoint> parse_endpoint(const std::string& text);

}  // namespace iris::rpc
