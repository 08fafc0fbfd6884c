// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace iris::test_support {

/// A proxy on 127.0.0.1 that takes one connection and tunnels it to `target` ("127.0.0.1:port"), whatever is asked for.
class TunnelProxy {
 public:
  explicit TunnelProxy(const std::string& target) : target_(static_cast<std::uint16_t>(std::stoi(target.substr(target.find(':') + 1)))) {
    auto address = loopback(0);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), any, size) != 0 || listen(listener_.get(), 1) != 0 || getsockname(listener_.get(), any, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TunnelProxy() { finish(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The head of what it was asked; once the client is done.
  const std::string& request() {
    finish();
    return request_;
  }

 private:
  static base::UniqueFd tcp() { return base::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  void finish() {
    if (!thread_.joinable()) return;
    shutdown(listener_.get(), SHUT_RDWR);
    if (const int client = client_fd_; client >= 0) shutdown(client, SHUT_RDWR);
    thread_.join();
  }
  void run() {
    client_ = base::UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    client_fd_ = client_.get();
    const auto server = tcp();
    const auto to = loopback(target_);
    if (!client_ || connect(server.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return;
    for (char byte = 0; !request_.ends_with("\r\n\r\n") && read(client_.get(), &byte, 1) == 1;) request_ += byte;
    static constexpr std::string_view kYes = "HTTP/1.1 200 Connection established\r\n\r\n";
    bool open = write(client_.get(), kYes.data(), kYes.size()) == static_cast<ssize_t>(kYes.size());
    while (open) {
      pollfd items[] = {{client_.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
      poll(items, 2, -1);
      open = (items[0].revents == 0 || pass(client_.get(), server.get())) && (items[1].revents == 0 || pass(server.get(), client_.get()));
    }
  }
  static bool pass(int from, int to) {
    std::array<char, 4096> bytes{};
    const auto got = read(from, bytes.data(), bytes.size());
    return got > 0 && send(to, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }

  const std::uint16_t target_;
  base::UniqueFd listener_ = tcp();
  base::UniqueFd client_;  // of the thread
  std::atomic<int> client_fd_{-1};
  std::uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

}  // namespace iris::test_support
