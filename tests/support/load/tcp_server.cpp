// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

#include "commands.h"

namespace iris::load {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;
constexpr int kEventsAtOnce = 128;

struct Connection {
  bool open = false;
  bool watched = false;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

/// One thread of the server: its own epoll set, shared listeners.
class Worker {
 public:
  Worker(const TcpServerOptions& options, const std::vector<int>& listeners, int stop_fd)
      : options_(options), listeners_(listeners), stop_fd_(stop_fd), epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kBufferBytes) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    for (const int fd : listeners) watch(fd, EPOLLIN | EPOLLEXCLUSIVE);
    watch(stop_fd, EPOLLIN);
  }
  ~Worker() { close(epoll_); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run() {
    std::array<epoll_event, kEventsAtOnce> events{};
    for (bool stop = false; !stop;) {
      const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == stop_fd_) {
          stop = true;
        } else if (is_listener(fd)) {
          accept_all(fd);
        } else {
          progress(fd);
        }
      }
    }
    for (const int fd : listeners_) accept_all(fd);  // connected already, as far as its peer knows
    for (std::size_t fd = 0; fd < connections_.size(); ++fd) {
      if (!connections_[fd].open) continue;
      ++open_at_end_;
      close(static_cast<int>(fd));
    }
  }

  const Truth& truth() const { return truth_; }
  std::uint64_t open_at_end() const { return open_at_end_; }

 private:
  void watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }

  // Every number between the first and the last was in use when they were made.
  bool is_listener(int fd) const { return fd <= listeners_.back() && fd >= listeners_.front(); }

  void accept_all(int listener) {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EAGAIN) ++truth_.errors[errno];
        return;
      }
      ++truth_.accepted;
      ++truth_.established;
      if (options_.reset) {
        const linger hard{1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        ++truth_.reset_sent;
        continue;
      }
      if (connections_.size() <= static_cast<std::size_t>(fd)) connections_.resize(static_cast<std::size_t>(fd) * 2 + 64);
      connections_[static_cast<std::size_t>(fd)] = Connection{true, false, 0, 0};
      progress(fd);
    }
  }

  void finish(int fd, Connection& connection) {
    close(fd);
    connection.open = false;
  }

  // Reads what is there, answers when the request is complete, closes when it
  // is our turn. Watches the socket only if something is still to come.
  void progress(int fd) {
    Connection& connection = connections_[static_cast<std::size_t>(fd)];
    for (;;) {
      if (connection.received >= options_.request_bytes && !send_reply(fd, connection)) return;
      const ssize_t got = recv(fd, buffer_.data(), buffer_.size(), 0);
      if (got > 0) {
        connection.received += static_cast<std::uint64_t>(got);
        truth_.bytes_received += static_cast<std::uint64_t>(got);
        continue;
      }
      if (got == 0) {
        ++truth_.closed;
        return finish(fd, connection);
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        truth_.stream_failed(errno);
        return finish(fd, connection);
      }
      break;
    }
    if (!connection.watched) {
      connection.watched = true;
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
  }

  // False when the connection is over.
  bool send_reply(int fd, Connection& connection) {
    while (connection.sent < options_.reply_bytes) {
      const std::size_t piece = std::min<std::uint64_t>(options_.reply_bytes - connection.sent, buffer_.size());
      const ssize_t sent = send(fd, buffer_.data(), piece, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return true;
        truth_.stream_failed(errno);
        finish(fd, connection);
        return false;
      }
      connection.sent += static_cast<std::uint64_t>(sent);
      truth_.bytes_sent += static_cast<std::uint64_t>(sent);
    }
    if (options_.closer == Closer::client) return true;
    ++truth_.closed;
    finish(fd, connection);
    return false;
  }

  const TcpServerOptions& options_;
  const std::vector<int>& listeners_;
  int stop_fd_;
  int epoll_;
  std::vector<char> buffer_;
  std::vector<Connection> connections_;  // by file descriptor
  Truth truth_;
  std::uint64_t open_at_end_ = 0;
};

}  // namespace

Json run_tcp_server(const TcpServerOptions& options, std::optional<std::chrono::milliseconds> duration) {
  block_stop_signals();
  std::vector<int> listeners;
  for (const Endpoint& at : options.listen) listeners.push_back(listen_tcp(at));
  const int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");

  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < options.threads; ++i) workers.push_back(std::make_unique<Worker>(options, listeners, stop_fd));
  const Stopwatch watch;
  std::vector<std::jthread> threads;
  for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
  announce_ready();
  wait_for_stop(duration);
  const std::uint64_t one = 1;
  if (write(stop_fd, &one, sizeof one) != sizeof one) throw std::system_error(errno, std::generic_category(), "eventfd");
  threads.clear();

  Truth sum;
  std::uint64_t open_at_end = 0;
  for (const auto& worker : workers) {
    sum += worker->truth();
    open_at_end += worker->open_at_end();
  }
  Json json = sum.to_json();
  json["open_at_end"] = open_at_end;
  watch.add_to(json);
  for (const int fd : listeners) close(fd);
  close(stop_fd);
  return json;
}

}  // namespace iris::load
