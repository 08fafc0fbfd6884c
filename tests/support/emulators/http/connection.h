// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>
#include <openssl/ssl.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "emulators/http/message.h"

namespace iris::emulator {

/// The sockets that are open, so that stopping a server wakes their threads.
class OpenSockets {
 public:
  /// False when all are to end.
  bool add(int socket);
  void close(int socket);
  void end_all();
  bool ended() const;
  /// Waits, but not beyond the end; true when it was reached.
  bool wait_for_end(std::chrono::milliseconds most);

 private:
  mutable std::mutex mutex_;
  std::condition_variable end_;
  std::set<int> sockets_;
  bool ended_ = false;
};

/// One accepted connection, plain or TLS, that can misbehave. For one thread.
class Connection final : public httplib::Stream {
 public:
  /// `tls` may be null. The socket stays the caller's.
  Connection(int socket, SSL_CTX* tls, OpenSockets& open);
  ~Connection() override;

  /// Shakes hands, for TLS.
  bool open();
  /// Another request has begun to arrive within the time.
  bool wait_for_request(std::chrono::milliseconds most);
  /// The head of the request that was read last, as it was sent: the library decodes
  /// escapes in the values of headers, where they mean something.
  std::string_view request_head() const { return head_; }
  /// For the answer that is written next.
  void misbehave(const WireFault& fault);
  void answer_done();
  bool is_cut() const { return cut_; }

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* into, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  bool fill();
  bool write_all(const char* from, std::size_t size);
  bool write_slowly(const char* from, std::size_t size);

  const int socket_;
  OpenSockets& open_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::array<char, 8'192> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string head_;
  bool head_complete_ = false;
  WireFault fault_;
  bool head_written_ = false;
  bool cut_ = false;
};

}  // namespace iris::emulator
