// SPDX-License-Identifier: Apache-2.0
#include "rpc/endpoint.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/ip_address.h"

namespace iris::rpc {
namespace {

constexpr std::string_view kUnix = "unix:";

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_host(std::string_view host, bool bracketed) {
  if (bracketed) {
    const auto address = base::IpAddress::parse(host);
    return address && host.find(':') != std::string_view::npos;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), is_host_character);
}

base::Result<Endpoint> not_an_endpoint(const std::string& text) {
  return base::fail("\"" + text + "\" is neither host:port nor unix:/path", base::Error::Kind::usage);
}

std::string host_and_port(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

}  // namespace

bool Endpoint::is_local() const {
  if (is_unix) return true;
  const auto address = base::IpAddress::parse(host);
  return address && address->is_loopback();
}

std::string Endpoint::channel_target() const {
  return is_unix ? std::string(kUnix) + host : "dns:///" + host_and_port(*this);
}

std::string Endpoint::listen_address() const { return is_unix ? std::string(kUnix) + host : host_and_port(*this); }

base::Result<Endpoint> parse_endpoint(const std::string& text) {
  Endpoint endpoint;
  if (text.starts_with(kUnix)) {
    endpoint.is_unix = true;
    endpoint.host = text.substr(kUnix.size());
    return endpoint.host.starts_with('/') ? endpoint : not_an_endpoint(text);
  }
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return not_an_endpoint(text);
  endpoint.host = text.substr(0, colon);
  const bool bracketed = endpoint.host.size() > 2 && endpoint.host.front() == '[' && endpoint.host.back() == ']';
  if (bracketed) endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
  if (error != std::errc() || stop != end || !is_host(endpoint.host, bracketed)) return not_an_endpoint(text);
  return endpoint;
}

}  // namespace iris::rpc
