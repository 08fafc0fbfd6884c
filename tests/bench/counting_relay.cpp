// SPDX-License-Identifier: Apache-2.0
#include "counting_relay.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

namespace iris::bench {
namespace {

constexpr int kLookAroundMs = 50;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

void send_at_once(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

CountingRelay::CountingRelay(int upstream_port) : upstream_port_(upstream_port) {
  listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_.get(), 1) != 0 ||
      getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the relay cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

CountingRelay::~CountingRelay() {
  stopping_ = true;
  thread_.join();
}

void CountingRelay::run() {
  while (!stopping_) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (poll(&waiting, 1, kLookAroundMs) <= 0) continue;
    const base::UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const base::UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(upstream_port_);
    if (!client || connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) continue;
    send_at_once(client.get());
    send_at_once(server.get());
    relay(client.get(), server.get());
  }
}

void CountingRelay::relay(int client, int server) {
  while (!stopping_) {
    std::array<pollfd, 2> watched{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
    poll(watched.data(), watched.size(), kLookAroundMs);
    if (watched[0].revents != 0 && !forward(client, server, up_)) return;
    if (watched[1].revents != 0 && !forward(server, client, down_)) return;
    read_segments(client);
  }
}

bool CountingRelay::forward(int from, int to, Counter& counter) {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(from, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  counter.count({buffer.data(), static_cast<std::size_t>(got)});
  return send(to, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}

void CountingRelay::read_segments(int client) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
  segments_in_ = info.tcpi_segs_in;
  segments_out_ = info.tcpi_segs_out;
}

/// RFC 8446, 5.1: a header of 5 bytes, the last two of which are the length of the rest.
void CountingRelay::Counter::count(std::string_view text) {
  bytes += text.size();
  while (!text.empty()) {
    if (left == 0) {
      header[header_size++] = static_cast<unsigned char>(text.front());
      text.remove_prefix(1);
      if (header_size < header.size()) continue;
      header_size = 0;
      left = static_cast<std::size_t>(header[3]) << 8 | header[4];
      ++records;
    } else {
      const std::size_t taken = std::min(left, text.size());
      text.remove_prefix(taken);
      left -= taken;
    }
  }
}

}  // namespace iris::bench
