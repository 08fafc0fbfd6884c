// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <proton/connection_driver.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "registry/tcp_socket.h"
#include "registry/proton_handles.h"
#include "registry/secret.h"

namespace iris::registry {

/// Who takes the events of a link; set as the link's context.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual void on_link_event(pn_event_t* event, pn_link_t* link) = 0;
};

/// Closes a link and lets go of it; its owner hears nothing of it any more.
void drop_link(pn_link_t*& link);

/// One AMQP connection over a socket of ours, moved by step(). One thread.
class AmqpConnection {
 public:
  struct Options {
    std::string host;         // in SNI, in the certificate and in `open`
    bool tls = true;
    bool anonymous = false;   // SASL; else PLAIN
    std::string user;
    Secret password;
    std::filesystem::path ca_file;  // empty: the system's roots
    std::chrono::milliseconds idle_timeout{60'000};
  };
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void(pn_event_t*)>;

  static base::Result<std::unique_ptr<AmqpConnection>> open(base::UniqueFd socket, const Options& options);
  ~AmqpConnection();
  AmqpConnection(const AmqpConnection&) = delete;
  AmqpConnection& operator=(const AmqpConnection&) = delete;

  /// Sends and receives what can be, waiting until `until` or until woken for something to
  /// do. Events go to the links' owners, and what is no link's to `handler`.
  void step(Clock::time_point until, const Waker& waker, const Handler& handler);
  /// Both ways closed, all events handled.
  bool finished();
  /// Says good-bye as far as the socket takes it at once.
  void close();

  pn_connection_t* connection() { return driver_.connection; }
  pn_transport_t* transport() { return driver_.transport; }
  pn_session_t* session() { return session_; }

 private:
  AmqpConnection(base::UniqueFd socket, SslDomainHandle domain) : socket_(std::move(socket)), domain_(std::move(domain)) {}
  void dispatch(const Handler& handler);
  void send();
  void receive();

  base::UniqueFd socket_;
  SslDomainHandle domain_;
  pn_connection_driver_t driver_{};
  pn_session_t* session_ = nullptr;  // the connection's
};

}  // namespace iris::registry
