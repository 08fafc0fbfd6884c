// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "commands.h"

namespace iris::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBulkBufferBytes = 256 << 10;
constexpr std::chrono::milliseconds kTrickleStep{100};

struct Held {
  int fd = -1;
  std::size_t target = 0;
};

int open_connection(const Endpoint& to, Truth& truth) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    ++truth.errors[errno];
    return -1;
  }
  ++truth.attempts;
  if (connect(fd, to.address(), to.length) == 0) {
    ++truth.established;
    return fd;
  }
  truth.connect_failed(errno);
  close(fd);
  return -1;
}

// Whatever has arrived, without waiting. False when the connection is broken.
bool drain(int fd, std::vector<char>& buffer, Truth& truth) {
  for (;;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) {
      truth.bytes_received += static_cast<std::uint64_t>(got);
      continue;
    }
    if (got == 0 || errno == EAGAIN) return true;
    if (errno == EINTR) continue;
    truth.stream_failed(errno);
    return false;
  }
}

}  // namespace

std::vector<Truth> run_bulk(const std::vector<Endpoint>& to, std::uint64_t bytes) {
  std::vector<Truth> truths(to.size());
  std::vector<char> buffer(kBulkBufferBytes);
  for (std::size_t i = 0; i < to.size(); ++i) {
    Truth& truth = truths[i];
    const int fd = open_connection(to[i], truth);
    if (fd < 0) continue;
    bool in_order = true;
    for (std::uint64_t left = bytes; left > 0 && in_order;) {
      const ssize_t sent = send(fd, buffer.data(), std::min<std::uint64_t>(left, buffer.size()), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) {
        truth.stream_failed(errno);
        in_order = false;
        break;
      }
      truth.bytes_sent += static_cast<std::uint64_t>(sent);
      left -= static_cast<std::uint64_t>(sent);
    }
    // Wait for the peer to have read all, so that "seconds" is the time of the transfer.
    shutdown(fd, SHUT_WR);
    for (ssize_t got = 1; got > 0 && in_order;) {
      got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got > 0) truth.bytes_received += static_cast<std::uint64_t>(got);
      if (got < 0 && errno == EINTR) got = 1;
      if (got < 0) {
        truth.stream_failed(errno);
        in_order = false;
      }
    }
    if (in_order) ++truth.closed;
    close(fd);
  }
  return truths;
}

std::vector<Truth> run_idle(const IdleOptions& options) {
  std::vector<Truth> truths(options.to.size());
  std::vector<Held> held;
  std::vector<char> buffer(kBulkBufferBytes);
  for (std::uint64_t i = 0; i < options.connections; ++i) {
    const std::size_t target = i % options.to.size();
    const int fd = open_connection(options.to[target], truths[target]);
    if (fd >= 0) held.push_back({fd, target});
  }
  announce_ready();

  const auto start = Clock::now();
  std::uint64_t due_before = 0;
  for (auto now = start; now < start + options.duration; now = Clock::now()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(kTrickleStep, start + options.duration - now));
    const auto elapsed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
    const std::uint64_t due = options.trickle_bytes_per_second * static_cast<std::uint64_t>(elapsed_ms) / 1000;
    for (Held& connection : held) {
      if (connection.fd < 0) continue;
      Truth& truth = truths[connection.target];
      bool alive = drain(connection.fd, buffer, truth);
      if (const std::uint64_t bytes = std::min<std::uint64_t>(due - due_before, buffer.size()); alive && bytes > 0) {
        const ssize_t sent = send(connection.fd, buffer.data(), bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) truth.bytes_sent += static_cast<std::uint64_t>(sent);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
          truth.stream_failed(errno);
          alive = false;
        }
      }
      if (!alive) {
        close(connection.fd);
        connection.fd = -1;
      }
    }
    due_before = due;
  }
  for (const Held& connection : held) {
    if (connection.fd < 0) continue;
    // Unread data at close would make the kernel send a reset.
    shutdown(connection.fd, SHUT_WR);
    pollfd end{connection.fd, POLLIN, 0};
    ssize_t got = 1;
    while (got > 0 && poll(&end, 1, 2000) > 0) {
      got = recv(connection.fd, buffer.data(), buffer.size(), 0);
      if (got > 0) truths[connection.target].bytes_received += static_cast<std::uint64_t>(got);
    }
    if (got < 0) {
      truths[connection.target].stream_failed(errno);
    } else {
      ++truths[connection.target].closed;
    }
    close(connection.fd);
  }
  return truths;
}

}  // namespace iris::load
