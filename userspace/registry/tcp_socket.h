// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"
#include "base/unique_fd.h"

/// TCP with a stop that works at any time: what libraries have of their own looks names up in the
/// calling thread, where nothing can interrupt it.
namespace iris::registry {

/// Wakes a thread that waits in a poll(). wake() from any thread.
class Waker {
 public:
  Waker();
  void wake() const;
  /// Takes back what wake() left.
  void clear() const;
  int fd() const { return fd_.get(); }

 private:
  base::UniqueFd fd_;
};

struct Endpoint {
  std::string host;  // name or address
  std::uint16_t port = 0;
};

/// "host:port", "[2001:db8::1]:port", "host" (with `default_port`).
std::optional<Endpoint> parse_endpoint(const std::string& text, std::uint16_t default_port);

struct ConnectOptions {
  std::chrono::milliseconds timeout{30'000};  // for names and all addresses together
  bool only_local = false;                    // refuse addresses that are routed on the Internet
};

struct ConnectError {
  enum class Reason : std::uint8_t {
    no_such_name,
    no_names,      // the name servers are silent
    no_connection, // refused, no route
    timed_out,
    interrupted,
    not_local,     // see only_local
  };
  Reason reason = Reason::no_connection;
  std::string message;
};

/// Connects without blocking for longer than `interrupted` stays false (seen within 50 ms
/// while a name is looked up, else when `waker` wakes). The socket is non-blocking.
tl::expected<base::UniqueFd, ConnectError> connect_tcp(const Endpoint& endpoint, const ConnectOptions& options,
                                                       const Waker& waker, const std::atomic<bool>& interrupted);

}  // namespace iris::registry
