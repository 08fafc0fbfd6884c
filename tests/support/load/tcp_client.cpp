// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "commands.h"

namespace iris::load {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;
constexpr timeval kStall{20, 0};  // a server that says nothing for so long is counted, not waited for

bool send_all(int fd, std::vector<char>& buffer, std::uint64_t bytes, Truth& truth) {
  while (bytes > 0) {
    const ssize_t sent = send(fd, buffer.data(), std::min<std::uint64_t>(bytes, buffer.size()), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      truth.stream_failed(errno);
      return false;
    }
    truth.bytes_sent += static_cast<std::uint64_t>(sent);
    bytes -= static_cast<std::uint64_t>(sent);
  }
  return true;
}

enum class End { enough, closed, failed };

// Reads until `bytes` came, the peer closed, or an error. With `to_the_end` on to the close.
End receive(int fd, std::vector<char>& buffer, std::uint64_t bytes, bool to_the_end, Truth& truth) {
  std::uint64_t received = 0;
  while (received < bytes || to_the_end) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      truth.stream_failed(errno);
      return End::failed;
    }
    if (got == 0) {
      if (received < bytes) ++truth.short_replies;
      return End::closed;
    }
    received += static_cast<std::uint64_t>(got);
    truth.bytes_received += static_cast<std::uint64_t>(got);
  }
  return End::enough;
}

void one_connection(const TcpClientOptions& options, const Endpoint& to, std::vector<char>& buffer, Truth& truth) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    ++truth.errors[errno];
    return;
  }
  ++truth.attempts;
  if (connect(fd, to.address(), to.length) != 0) {
    truth.connect_failed(errno);
    close(fd);
    return;
  }
  ++truth.established;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kStall, sizeof kStall);
  const bool in_order = send_all(fd, buffer, options.send_bytes, truth) &&
                  receive(fd, buffer, options.receive_bytes, options.closer == Closer::server, truth) != End::failed;
  if (options.hold.count() > 0) std::this_thread::sleep_for(options.hold);
  if (in_order) ++truth.closed;
  close(fd);
}

}  // namespace

std::vector<Truth> run_tcp_client(const TcpClientOptions& options) {
  std::vector<std::vector<Truth>> truths(options.threads, std::vector<Truth>(options.to.size()));
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < options.threads; ++t) {
      threads.emplace_back([&options, &mine = truths[t], t] {
        std::vector<char> buffer(kBufferBytes);
        for (std::uint64_t i = t; i < options.connections; i += options.threads) {
          const std::size_t target = i % options.to.size();
          one_connection(options, options.to[target], buffer, mine[target]);
        }
      });
    }
  }
  std::vector<Truth> sums(options.to.size());
  for (const auto& mine : truths) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += mine[i];
  }
  return sums;
}

std::vector<Truth> run_connect_only(const std::vector<Endpoint>& to, std::uint64_t connections) {
  TcpClientOptions options;
  options.to = to;
  options.connections = connections;
  options.send_bytes = 0;
  return run_tcp_client(options);
}

}  // namespace iris::load
