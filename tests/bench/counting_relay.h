// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace iris::bench {

/// One direction of a TLS connection, as its ciphertext shows it.
struct Carried {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;   // of TLS
  std::uint64_t segments = 0;  // of TCP that reached the relay, those without data included
};

/// A TCP relay on 127.0.0.1 for one connection, which counts what passes.
class CountingRelay {
 public:
  explicit CountingRelay(int upstream_port);
  ~CountingRelay();
  CountingRelay(const CountingRelay&) = delete;
  CountingRelay& operator=(const CountingRelay&) = delete;

  int port() const { return port_; }
  Carried up() const { return {up_.bytes, up_.records, segments_in_}; }
  Carried down() const { return {down_.bytes, down_.records, segments_out_}; }

 private:
  struct Counter {
    void count(std::string_view bytes);
    std::atomic<std::uint64_t> bytes{0};
    std::atomic<std::uint64_t> records{0};
    std::size_t left = 0;  // of the record's content
    std::array<unsigned char, 5> header{};
    std::size_t header_size = 0;
  };

  void run();
  void relay(int client, int server);
  bool forward(int from, int to, Counter& counter);
  void read_segments(int client);

  int upstream_port_;
  int port_ = 0;
  base::UniqueFd listener_;
  Counter up_;
  Counter down_;
  std::atomic<std::uint64_t> segments_in_{0};
  std::atomic<std::uint64_t> segments_out_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace iris::bench
