// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iris::registry {

/// An http or https URL (RFC 3986, without internationalized names).
struct Url {
  bool tls = false;
  std::string host;        // without the brackets of an IPv6 address
  std::uint16_t port = 0;  // 0: not given
  std::string user;        // "user:password", still encoded; empty: none
  std::string path = "/";
  std::string query;       // without '?'

  std::uint16_t port_or_default() const { return port != 0 ? port : tls ? 443 : 80; }
  std::string target() const { return query.empty() ? path : path + "?" + query; }
  /// "host", "host:8080", "[::1]:8080": as in the Host header.
  std::string authority() const;
};

/// Nothing: it is none, or has a character that no URL has.
std::optional<Url> parse_url(std::string_view text);

}  // namespace iris::registry
