// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace iris::test_support {

/// A unix-socket server whose answers the test writes, byte for byte. Each
/// connection has a thread; the handler gets a request head and may send, and
/// keeps the connection by giving true.
class HostileServer {
 public:
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    bool send(const std::string& bytes) const {
      return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }
    int fd() const { return fd_; }

   private:
    int fd_;
  };
  using Handler = std::function<bool(const std::string& request, const Connection& connection)>;

  HostileServer(const std::string& path, Handler handler) : handler_(std::move(handler)) {
    listener_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    unlink(path.c_str());
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listener_.get(), 64) != 0) {
      throw std::runtime_error("cannot listen on " + path);
    }
    acceptor_ = std::thread([this] { accept_loop(); });
  }
  ~HostileServer() {
    stopping_ = true;
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
  }
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;

  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int connections() const { return connections_; }

  static std::string answer(const std::string& body, const std::string& status = "200 OK", const std::string& headers = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
  }
  static std::string chunk(const std::string& text) {
    char size[32];
    std::snprintf(size, sizeof(size), "%zx\r\n", text.size());
    return size + text + "\r\n";
  }

 private:
  bool readable(int fd) const {
    while (!stopping_) {
      pollfd item{fd, POLLIN, 0};
      if (::poll(&item, 1, 20) > 0) return true;
    }
    return false;
  }
  void accept_loop() {
    while (readable(listener_.get())) {
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      ++connections_;
      threads_.emplace_back([this, fd] { serve(base::UniqueFd(fd)); });
    }
  }
  void serve(base::UniqueFd fd) {
    std::string buffer;
    char piece[4096];
    while (readable(fd.get())) {
      const ssize_t count = recv(fd.get(), piece, sizeof(piece), 0);
      if (count <= 0) return;
      buffer.append(piece, static_cast<std::size_t>(count));
      const std::size_t end = buffer.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::string request = buffer.substr(0, end);
      buffer.erase(0, end + 4);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request.substr(0, request.find('\r')));
      }
      if (!handler_(request, Connection(fd.get()))) return;
    }
  }

  Handler handler_;
  base::UniqueFd listener_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace iris::test_support
