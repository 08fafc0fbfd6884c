// SPDX-License-Identifier: Apache-2.0
#include "registry/amqp_connection.h"

#include <openssl/x509.h>
#include <poll.h>
#include <proton/connection.h>
#include <proton/event.h>
#include <proton/link.h>
#include <proton/logger.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/transport.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <random>

namespace iris::registry {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kMaxFrame = 65'536;
constexpr int kMaxReads = 16;  // in one step, so that the clock is looked at

std::filesystem::path system_roots() {
  if (const char* named = std::getenv(X509_get_default_cert_file_env()); named != nullptr && *named != '\0') return named;
  std::error_code none;
  const std::filesystem::path bundle = "/etc/ssl/certs/ca-certificates.crt";  // one file is read faster than 140
  if (std::filesystem::exists(bundle, none)) return bundle;
  return X509_get_default_cert_dir();
}

std::string container_id() {
  std::random_device random;
  char text[32];
  std::snprintf(text, sizeof(text), "iris-%08x%08x", random(), random());
  return text;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(AmqpConnection::Clock::now().time_since_epoch()).count();
}

}  // namespace

void drop_link(pn_link_t*& link) {
  if (link == nullptr) return;
  pn_link_set_context(link, nullptr);
  pn_link_close(link);
  pn_link_free(link);
  link = nullptr;
}

base::Result<std::unique_ptr<AmqpConnection>> AmqpConnection::open(base::UniqueFd socket, const Options& options) {
  SslDomainHandle domain;
  if (options.tls) {
    domain.reset(pn_ssl_domain(PN_SSL_MODE_CLIENT));
    const std::filesystem::path roots = options.ca_file.empty() ? system_roots() : options.ca_file;
    if (!domain || pn_ssl_domain_set_trusted_ca_db(domain.get(), roots.c_str()) != 0) {
      return base::fail("cannot read CA certificates from " + roots.string());
    }
    if (pn_ssl_domain_set_protocols(domain.get(), "TLSv1.2 TLSv1.3") != 0 ||
        pn_ssl_domain_set_peer_authentication(domain.get(), PN_SSL_VERIFY_PEER_NAME, nullptr) != 0) {
      return base::fail("cannot set up TLS");
    }
  }
  std::unique_ptr<AmqpConnection> self(new AmqpConnection(std::move(socket), std::move(domain)));
  if (pn_connection_driver_init(&self->driver_, nullptr, nullptr) != 0) return base::fail("no memory for AMQP");
  pn_connection_t* connection = self->connection();
  pn_transport_t* transport = self->transport();
  // PN_TRACE_FRM and PN_LOG in the environment would print the key.
  pn_logger_reset_mask(pn_transport_logger(transport), PN_SUBSYSTEM_ALL, PN_LEVEL_ALL);
  pn_connection_set_container(connection, container_id().c_str());
  pn_connection_set_hostname(connection, options.host.c_str());
  // Of all that the service offers Proton would take EXTERNAL, and have no rights then.
  pn_sasl_t* sasl = pn_sasl(transport);
  pn_sasl_allowed_mechs(sasl, options.anonymous ? "ANONYMOUS" : "PLAIN");
  if (!options.anonymous) {
    pn_connection_set_user(connection, options.user.c_str());
    pn_connection_set_password(connection, std::string(options.password.reveal()).c_str());
  }
  if (self->domain_) {
    pn_ssl_t* ssl = pn_ssl(transport);
    if (pn_ssl_init(ssl, self->domain_.get(), nullptr) != 0) return base::fail("cannot set up TLS");
    pn_ssl_set_peer_hostname(ssl, options.host.c_str());
  }
  pn_transport_set_max_frame(transport, kMaxFrame);
  pn_transport_set_idle_timeout(transport, static_cast<pn_millis_t>(options.idle_timeout.count()));
  pn_connection_open(connection);
  self->session_ = pn_session(connection);
  pn_session_open(self->session_);
  return self;
}

AmqpConnection::~AmqpConnection() {
  if (driver_.connection == nullptr) return;
  // Owners may be gone already.
  for (pn_link_t* link = pn_link_head(connection(), 0); link != nullptr; link = pn_link_next(link, 0)) {
    pn_link_set_context(link, nullptr);
  }
  pn_connection_driver_destroy(&driver_);
}

void AmqpConnection::dispatch(const Handler& handler) {
  while (pn_event_t* event = pn_connection_driver_next_event(&driver_)) {
    pn_link_t* link = pn_event_link(event);
    if (link == nullptr) {
      handler(event);
    } else if (auto* owner = static_cast<LinkOwner*>(pn_link_get_context(link))) {
      owner->on_link_event(event, link);
    }
  }
}

void AmqpConnection::send() {
  pn_bytes_t bytes = pn_connection_driver_write_buffer(&driver_);
  while (bytes.size > 0) {
    const ssize_t sent = ::send(socket_.get(), bytes.start, bytes.size, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) pn_connection_driver_write_close(&driver_);
      return;
    }
    bytes = pn_connection_driver_write_done(&driver_, static_cast<std::size_t>(sent));
  }
}

void AmqpConnection::receive() {
  const pn_rwbytes_t buffer = pn_connection_driver_read_buffer(&driver_);
  if (buffer.size == 0) return;
  const ssize_t got = recv(socket_.get(), buffer.start, buffer.size, 0);
  if (got > 0) {
    pn_connection_driver_read_done(&driver_, static_cast<std::size_t>(got));
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    pn_connection_driver_read_close(&driver_);
    pn_connection_driver_write_close(&driver_);
  }
}

void AmqpConnection::step(Clock::time_point until, const Waker& waker, const Handler& handler) {
  dispatch(handler);
  if (const std::int64_t next = pn_transport_tick(transport(), now_ms()); next != 0) {
    until = std::min(until, Clock::time_point(milliseconds(next)));
  }
  dispatch(handler);
  send();
  if (pn_connection_driver_has_event(&driver_) || finished()) {
    dispatch(handler);
    return;
  }
  const bool wants_out = pn_connection_driver_write_buffer(&driver_).size > 0;
  const bool wants_in = pn_connection_driver_read_buffer(&driver_).size > 0;
  const auto wait = std::clamp<milliseconds::rep>(std::chrono::ceil<milliseconds>(until - Clock::now()).count(), 0, 60'000);
  pollfd items[] = {{socket_.get(), static_cast<short>((wants_in ? POLLIN : 0) | (wants_out ? POLLOUT : 0)), 0},
                    {waker.fd(), POLLIN, 0}};
  poll(items, 2, static_cast<int>(wait));
  if ((items[1].revents & POLLIN) != 0) waker.clear();
  for (int reads = 0; items[0].revents != 0 && reads < kMaxReads; ++reads) {
    receive();
    dispatch(handler);
    items[0].events = POLLIN;
    if (pn_connection_driver_read_closed(&driver_) || poll(items, 1, 0) <= 0) break;
  }
  send();
}

bool AmqpConnection::finished() { return pn_connection_driver_finished(&driver_); }

void AmqpConnection::close() {
  pn_connection_close(connection());
  dispatch([](pn_event_t*) {});
  send();
}

}  // namespace iris::registry
