// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace iris::load {

/// An address and port as the socket calls want it, and as it was written.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::string text;

  int family() const { return storage.ss_family; }
  const sockaddr* address() const;
  /// "1.2.3.4:80" or "[::1]:80"; `default_port` serves where the port may be
  /// left out. Throws std::invalid_argument with a sentence.
  static Endpoint parse(const std::string& text, std::uint16_t default_port = 0);
};

/// A listening or bound socket; throws std::system_error.
int listen_tcp(const Endpoint& at);
int bind_udp(const Endpoint& at);

}  // namespace iris::load
