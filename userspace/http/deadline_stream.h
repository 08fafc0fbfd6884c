// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <optional>

namespace iris::http {

/// How long one peer may keep a thread.
struct PeerLimits {
  std::chrono::milliseconds request{2'000};   // until its request is there, whole
  std::chrono::milliseconds silence{2'000};   // while the answer is written
  std::chrono::milliseconds answer{30'000};   // until the answer is gone
};

/// A connection that is read until a moment and no longer, however many bytes
/// dribble in meanwhile. The socket stays the caller's. For one thread.
class DeadlineStream final : public httplib::Stream {
 public:
  DeadlineStream(int socket, const PeerLimits& limits);

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* into, std::size_t size) override;
  /// All of it, or an error.
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;

  bool ready(short events, Clock::time_point until) const;
  Clock::time_point answer_until();

  const int socket_;
  const PeerLimits limits_;
  const Clock::time_point request_until_;
  std::optional<Clock::time_point> answer_until_;  // once its first byte is written
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace iris::http
