// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/unique_fd.h"

namespace iris::testing {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A socket of `type` bound to a free loopback port.
struct Endpoint {
  explicit Endpoint(int type) : fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd.get(), generic, length) == 0 && getsockname(fd.get(), generic, &length) == 0) {
      port = ntohs(address.sin_port);
    }
  }
  base::UniqueFd fd;
  std::uint16_t port = 0;
};

/// Moves exactly `bytes` bytes; false when the connection ends before.
inline bool transfer(int fd, int bytes, bool sends) {
  std::array<char, 4096> buffer{};
  while (bytes > 0) {
    const std::size_t length = std::min(static_cast<std::size_t>(bytes), buffer.size());
    const ssize_t moved = sends ? send(fd, buffer.data(), length, MSG_NOSIGNAL) : recv(fd, buffer.data(), length, 0);
    if (moved <= 0) return false;
    bytes -= static_cast<int>(moved);
  }
  return true;
}

/// A connected socket, or -1 with errno set.
inline int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return -1;
}

}  // namespace iris::testing
