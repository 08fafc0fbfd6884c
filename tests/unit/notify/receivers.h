// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "collector_program/temporary_directory.h"
#include "tls/test_authority.h"

namespace iris::notify::test_support {

inline std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// A socket bound to 127.0.0.1; port 0: any free one.
inline base::UniqueFd bound_socket(int type, std::uint16_t port = 0) {
  base::UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("the test cannot bind a port");
  }
  return fd;
}

/// A receiver of a stream on 127.0.0.1, one connection at a time, that keeps what came.
class StreamReceiver {
 public:
  explicit StreamReceiver(std::uint16_t port = 0) : listening_(bound_socket(SOCK_STREAM, port)) { start(); }
  /// TLS, with a certificate for these names.
  StreamReceiver(const iris::test_support::TestAuthority& authority, const std::string& names)
      : listening_(bound_socket(SOCK_STREAM)) {
    const auto issued = authority.issue("receiver", names);
    context_.reset(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_file(context_.get(), folder_.write("cert.pem", issued.certificate).c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_.get(), folder_.write("key.pem", issued.key).c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("the test cannot use its certificate");
    }
    ca_file_ = folder_.write("ca.pem", authority.certificate());
    start();
  }
  ~StreamReceiver() { end(); }
  StreamReceiver(const StreamReceiver&) = delete;

  /// Nobody listens there from then on.
  void end() {
    ask(Wish::end);
    if (thread_.joinable()) thread_.join();
    listening_.reset();
  }
  std::uint16_t port() const { return port_; }
  const std::string& ca_file() const { return ca_file_; }

  /// Waits until at least so many bytes have come, over all connections.
  std::string await(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return received_.size() >= bytes; });
    return received_;
  }
  std::string received() {
    const std::lock_guard lock(mutex_);
    return received_;
  }
  std::size_t connections() {
    const std::lock_guard lock(mutex_);
    return connections_;
  }
  std::size_t failed_handshakes() {
    const std::lock_guard lock(mutex_);
    return failed_handshakes_;
  }
  /// Closes the connection; returns when it is closed. `reset`: by RST instead of FIN.
  void drop(bool reset = false) {
    ask(reset ? Wish::reset : Wish::close);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return wish_ == Wish::none; });
  }

 private:
  enum class Wish { none, close, reset, end };
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void start() {
    std::signal(SIGPIPE, SIG_IGN);  // as the collector does
    port_ = port_of(listening_.get());
    ::listen(listening_.get(), 8);
    thread_ = std::thread([this] { serve(); });
  }
  void ask(Wish wish) {
    const std::lock_guard lock(mutex_);
    wish_ = wish;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }

  void serve() {
    while (true) {
      std::array<pollfd, 3> items = {{{wake_.get(), POLLIN, 0}, {connection_ ? -1 : listening_.get(), POLLIN, 0},
                                      {connection_ ? connection_.get() : -1, POLLIN, 0}}};
      ::poll(items.data(), items.size(), -1);
      if (items[0].revents != 0 && fulfil()) return;
      if (items[1].revents != 0) accept();
      if (items[2].revents != 0 && connection_) read();
    }
  }
  /// True: the end.
  bool fulfil() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    const auto wish = std::exchange(wish_, Wish::none);
    if (wish == Wish::reset) {
      const linger abort{1, 0};
      ::setsockopt(connection_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    } else if (ssl_ && wish != Wish::none) {
      SSL_shutdown(ssl_.get());
    }
    if (wish != Wish::none) {
      ssl_.reset();
      connection_.reset();
    }
    changed_.notify_all();
    return wish == Wish::end;
  }
  void accept() {
    connection_.reset(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (context_) {
      ssl_.reset(SSL_new(context_.get()));
      SSL_set_fd(ssl_.get(), connection_.get());
      if (SSL_accept(ssl_.get()) != 1) {
        ssl_.reset();
        connection_.reset();
        const std::lock_guard lock(mutex_);
        ++failed_handshakes_;
        return;
      }
    }
    const std::lock_guard lock(mutex_);
    ++connections_;
    changed_.notify_all();
  }
  void read() {
    std::array<char, 16'384> buffer;  // a whole record of TLS
    const auto got = ssl_ ? SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))
                          : static_cast<int>(::read(connection_.get(), buffer.data(), buffer.size()));
    if (got <= 0) {
      ssl_.reset();
      connection_.reset();
      return;
    }
    const std::lock_guard lock(mutex_);
    received_.append(buffer.data(), static_cast<std::size_t>(got));
    changed_.notify_all();
  }

  collector::TemporaryDirectory folder_;
  std::string ca_file_;
  base::UniqueFd listening_;
  base::UniqueFd wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  base::UniqueFd connection_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string received_;  // guarded by mutex_, as what follows
  std::size_t connections_ = 0;
  std::size_t failed_handshakes_ = 0;
  Wish wish_ = Wish::none;
  std::thread thread_;
};

}  // namespace iris::notify::test_support
