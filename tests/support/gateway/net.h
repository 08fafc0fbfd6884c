// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Blocking TCP for the parts of the demo gateway: each conversation has a
/// thread of its own, and a failure is an exception that ends it.
namespace iris::demo {

using Bytes = std::vector<std::uint8_t>;

/// "198.51.100.7:502" or "name:502".
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  static Endpoint parse(std::string_view text);
  std::string to_string() const { return host + ":" + std::to_string(port); }
};

/// A connected TCP socket; throws std::system_error when anything fails.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  /// Resolves and connects. The kernel gives up (ETIMEDOUT) after one
  /// repetition of the SYN, about three seconds.
  static Connection open(const Endpoint& peer);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  void write(std::span<const std::uint8_t> data);
  void write(std::string_view text);
  /// Exactly `size` bytes; false at the orderly end before the first one.
  bool read_exactly(std::uint8_t* to, std::size_t size);
  /// Everything until the peer closes, at most `limit` bytes.
  std::string read_to_end(std::size_t limit);
  /// A read that waits longer fails with EAGAIN.
  void set_read_timeout(unsigned seconds);

 private:
  int fd_ = -1;
};

/// Accepts at `own` for ever, one detached thread a connection.
[[noreturn]] void serve(const Endpoint& own, const std::function<void(Connection)>& conversation);

/// One line on standard output, with the time.
void say(const std::string& line);
void sleep_ms(unsigned milliseconds);

}  // namespace iris::demo
