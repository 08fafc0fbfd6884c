// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace iris::test {

/// A bad line: takes TCP connections on 127.0.0.1 and forwards them to a unix
/// socket; can cut, stall and slow them. On a thread of its own; calls come from
/// anywhere and count for connections that are open and for those to come.
class Relay {
 public:
  explicit Relay(std::string unix_path);  // throws std::system_error
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  int port() const { return port_; }
  /// Resets what is open.
  void cut();
  /// Forwards `bytes` more of what comes from the clients, wherever in a frame that
  /// ends, and resets all connections. Once.
  void cut_after(std::uint64_t bytes);
  /// Resets each new connection.
  void refuse(bool refused);
  /// Nothing is forwarded, and nobody is told.
  void stall(bool stalled);
  /// Each way; 0: no limit.
  void limit(std::uint64_t bytes_per_second);

  std::uint64_t cuts() const;             // connections reset
  std::uint64_t forwarded_bytes() const;  // both ways

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kBufferBytes = 16 * 1024;
  /// One way of a connection.
  struct Way {
    std::array<char, kBufferBytes> buffer{};
    std::size_t held = 0;
    double allowance = 0;  // bytes that may go now
  };
  struct Pair {
    std::array<base::UniqueFd, 2> ends;  // client, server
    std::array<Way, 2> ways;             // from the client, from the server
  };
  struct Settings {
    std::uint64_t bytes_per_second = 0;
    std::uint64_t cut_after_bytes = UINT64_MAX;
    bool refused = false;
    bool stalled = false;
    bool cut = false;
  };

  void run();
  void turn(const Settings& settings, double seconds);
  void take_connection(const Settings& settings);
  /// False: one end has closed, or failed.
  bool forward(Pair& pair, std::size_t from, const Settings& settings, double seconds);
  void reset_all();
  void reset(Pair& pair);

  const std::string unix_path_;
  base::UniqueFd listener_;
  int port_ = 0;
  std::list<Pair> pairs_;  // the thread's own
  mutable std::mutex mutex_;  // all below
  Settings settings_;
  std::uint64_t cuts_ = 0;
  std::uint64_t forwarded_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace iris::test
