// SPDX-License-Identifier: Apache-2.0
#include "endpoint.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace iris::load {
namespace {

constexpr int kBacklog = 4096;

int bound_socket(const Endpoint& at, int type) {
  const int fd = socket(at.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket for " + at.text);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (at.family() == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (bind(fd, at.address(), at.length) != 0) {
    const int error = errno;
    close(fd);
    throw std::system_error(error, std::generic_category(), "bind to " + at.text);
  }
  return fd;
}

}  // namespace

const sockaddr* Endpoint::address() const { return reinterpret_cast<const sockaddr*>(&storage); }

Endpoint Endpoint::parse(const std::string& text, std::uint16_t default_port) {
  std::string host = text;
  std::string port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos) throw std::invalid_argument("'" + text + "': the ']' is missing");
    host = text.substr(1, end - 1);
    if (end + 1 < text.size() && text[end + 1] == ':') port = text.substr(end + 2);
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string::npos && text.find(':') == colon) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  std::uint16_t number = default_port;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0) {
      throw std::invalid_argument("'" + text + "': a port is a number from 1 to 65535");
    }
  } else if (default_port == 0) {
    throw std::invalid_argument("'" + text + "': write ADDRESS:PORT or [V6ADDRESS]:PORT");
  }

  Endpoint endpoint;
  endpoint.text = text;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(number);
    std::memcpy(&endpoint.storage, &v4, sizeof v4);
    endpoint.length = sizeof v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(number);
    std::memcpy(&endpoint.storage, &v6, sizeof v6);
    endpoint.length = sizeof v6;
  } else {
    throw std::invalid_argument("'" + host + "' is not an IPv4 or IPv6 address (names are not looked up)");
  }
  return endpoint;
}

int listen_tcp(const Endpoint& at) {
  const int fd = bound_socket(at, SOCK_STREAM);
  if (listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    throw std::system_error(error, std::generic_category(), "listen on " + at.text);
  }
  return fd;
}

int bind_udp(const Endpoint& at) { return bound_socket(at, SOCK_DGRAM); }

}  // namespace iris::load
