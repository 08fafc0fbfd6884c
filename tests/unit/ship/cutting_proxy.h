// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <list>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace iris::test_support {

/// A TCP proxy on 127.0.0.1 that is a bad network: cuts connections after a random
/// number of bytes, is slow, or goes silent without a word.
class CuttingProxy {
 public:
  explicit CuttingProxy(int upstream_port, unsigned seed = 1) : upstream_port_(upstream_port), random_(seed) {
    listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_.get(), 64) != 0 ||
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("the proxy cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~CuttingProxy() {
    stopping_ = true;
    thread_.join();
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  int port() const { return port_; }
  /// 0: never.
  void cut_after_at_most(std::size_t bytes) { most_bytes_ = bytes; }
  void set_slow(bool slow) { slow_ = slow; }
  void set_silent(bool silent) { silent_ = silent; }
  /// Cuts what is open now.
  void cut_all() { cut_all_ = true; }
  int cuts() const { return cuts_; }

 private:
  struct Pair {
    std::array<base::UniqueFd, 2> ends;
    std::size_t left = SIZE_MAX;  // bytes until it is cut
  };

  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }

  void accept_one() {
    Pair pair;
    pair.ends[0].reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!pair.ends[0]) return;
    pair.ends[1].reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(upstream_port_);
    if (connect(pair.ends[1].get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
    const int on = 1;
    for (const auto& end : pair.ends) setsockopt(end.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (const std::size_t most = most_bytes_) pair.left = std::uniform_int_distribution<std::size_t>(1, most)(random_);
    pairs_.push_back(std::move(pair));
  }

  /// False: one side has closed, or the cut is due.
  bool forward(Pair& pair, int from) {
    std::array<char, 4096> buffer{};
    const std::size_t most = std::min({buffer.size(), pair.left, slow_ ? std::size_t{97} : buffer.size()});
    const ssize_t got = recv(pair.ends[static_cast<std::size_t>(from)].get(), buffer.data(), most, 0);
    if (got <= 0) return false;
    const auto size = static_cast<std::size_t>(got);
    if (send(pair.ends[static_cast<std::size_t>(1 - from)].get(), buffer.data(), size, MSG_NOSIGNAL) != got) {
      return false;
    }
    if (pair.left != SIZE_MAX) pair.left -= size;
    if (pair.left > 0) return true;
    ++cuts_;
    return false;
  }

  static void reset(Pair& pair) {
    const linger now{1, 0};  // RST, without what is still in the buffers
    for (auto& end : pair.ends) setsockopt(end.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  void run() {
    while (!stopping_) {
      if (cut_all_.exchange(false)) {
        for (auto& pair : pairs_) reset(pair);
        pairs_.clear();
      }
      std::vector<pollfd> watched{{listener_.get(), POLLIN, 0}};
      if (!silent_) {
        for (const auto& pair : pairs_) {
          for (const auto& end : pair.ends) watched.push_back({end.get(), POLLIN, 0});
        }
      }
      poll(watched.data(), watched.size(), 2);
      std::size_t at = 1;
      for (auto pair = pairs_.begin(); pair != pairs_.end() && at + 1 < watched.size();) {
        bool alive = true;
        for (int side = 0; side < 2; ++side, ++at) {
          if (alive && watched[at].revents != 0) alive = forward(*pair, side);
        }
        if (!alive) reset(*pair);
        pair = alive ? std::next(pair) : pairs_.erase(pair);
      }
      if (watched[0].revents != 0) accept_one();
      if (slow_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  int upstream_port_;
  std::minstd_rand random_;
  base::UniqueFd listener_;
  int port_ = 0;
  std::list<Pair> pairs_;
  std::atomic<std::size_t> most_bytes_{0};
  std::atomic<bool> slow_{false};
  std::atomic<bool> silent_{false};
  std::atomic<bool> cut_all_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

}  // namespace iris::test_support
