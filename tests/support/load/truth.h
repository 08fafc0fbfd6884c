// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace iris::load {

using Json = nlohmann::ordered_json;

/// What one program (or thread) saw with its own eyes. Nothing here is what it
/// meant to do: a number goes up when the system call came back.
struct Truth {
  std::uint64_t attempts = 0;     // connect() calls
  std::uint64_t accepted = 0;
  std::uint64_t established = 0;  // handshake complete, either side
  std::uint64_t closed = 0;       // established ones closed in order, no reset seen
  std::uint64_t refused = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t unreachable = 0;
  std::uint64_t reset = 0;        // established, then broken by the peer
  std::uint64_t denied = 0;
  std::uint64_t other = 0;
  std::uint64_t given_up = 0;     // closed by us before an answer came
  std::uint64_t reset_sent = 0;   // established, then broken by us
  std::uint64_t short_replies = 0;  // closed in order, with fewer bytes than asked for
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_unanswered = 0;
  std::map<int, std::uint64_t> errors;  // by errno, of calls on the way

  /// A connect() that failed with `error`.
  void connect_failed(int error);
  /// A call on an established connection failed with `error`.
  void stream_failed(int error);
  Truth& operator+=(const Truth& more);
  Json to_json() const;
};

/// Wall and CPU time from construction to the call of add_to().
class Stopwatch {
 public:
  Stopwatch();
  double seconds() const;
  /// Adds "seconds", "cpu_seconds" (this process and its dead children).
  void add_to(Json& json) const;

 private:
  std::chrono::steady_clock::time_point start_;
  double cpu_start_;
};

}  // namespace iris::load
