// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "names.h"

namespace iris::demo {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Endpoint Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  unsigned port = 0;
  if (colon == std::string_view::npos ||
      std::from_chars(text.data() + colon + 1, text.data() + text.size(), port).ec != std::errc{} || port == 0 ||
      port > 65535) {
    throw std::invalid_argument("not HOST:PORT: " + std::string(text));
  }
  return {std::string(text.substr(0, colon)), static_cast<std::uint16_t>(port)};
}

Connection Connection::open(const Endpoint& peer) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(peer.port);
  address.sin_addr = resolve(peer.host);
  Connection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.fd_ < 0) throw_errno("socket");
  const int repetitions = 1;
  ::setsockopt(connection.fd_, IPPROTO_TCP, TCP_SYNCNT, &repetitions, sizeof repetitions);
  if (::connect(connection.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw_errno(peer.to_string());
  }
  return connection;
}

Connection::Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

void Connection::write(std::span<const std::uint8_t> data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      throw_errno("send");
    }
    data = data.subspan(static_cast<std::size_t>(sent));
  }
}

void Connection::write(std::string_view text) {
  write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

bool Connection::read_exactly(std::uint8_t* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::recv(fd_, to + done, size - done, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw_errno("receive");
    }
    if (got == 0) {
      if (done == 0) return false;
      throw std::runtime_error("the peer closed in the middle of a message");
    }
    done += static_cast<std::size_t>(got);
  }
  return true;
}

std::string Connection::read_to_end(std::size_t limit) {
  std::string text;
  char buffer[4096];
  while (text.size() < limit) {
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("receive");
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

void Connection::set_read_timeout(unsigned seconds) {
  timeval limit{};
  limit.tv_sec = seconds;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void serve(const Endpoint& own, const std::function<void(Connection)>& conversation) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) throw_errno("socket");
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(own.port);
  address.sin_addr = resolve(own.host);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 64) != 0) {
    throw_errno("listen at " + own.to_string());
  }
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      sleep_ms(100);
      continue;
    }
    std::thread([&conversation, connection = Connection(fd)]() mutable {
      try {
        conversation(std::move(connection));
      } catch (const std::exception& error) {
        say(std::string("a client is gone: ") + error.what());
      }
    }).detach();
  }
}

void say(const std::string& line) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char time[16];
  std::strftime(time, sizeof time, "%H:%M:%S", &parts);
  std::printf("%s %s\n", time, line.c_str());
  std::fflush(stdout);
}

void sleep_ms(unsigned milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

}  // namespace iris::demo
