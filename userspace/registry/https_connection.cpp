// SPDX-License-Identifier: Apache-2.0
#include "registry/https_connection.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/ip_address.h"
#include "http/response_reader.h"

namespace iris::registry {
namespace {

constexpr std::size_t kPieceBytes = 16u << 10;
constexpr std::size_t kMaxTunnelHeaderBytes = 16u << 10;
constexpr std::uint16_t kProxyPort = 1080;

tl::unexpected<HttpFault> fault(HttpFailure kind, std::string detail) {
  return tl::unexpected<HttpFault>({kind, std::move(detail)});
}

tl::unexpected<HttpFault> cut(int error_number) {
  return fault(HttpFailure::cut, std::generic_category().message(error_number));
}

tl::unexpected<HttpFault> from(ConnectError error) {
  switch (error.reason) {
    case ConnectError::Reason::no_such_name:
      return fault(HttpFailure::host_not_found, std::move(error.message));
    case ConnectError::Reason::no_names:
    case ConnectError::Reason::timed_out:
      return fault(HttpFailure::timed_out, std::move(error.message));
    case ConnectError::Reason::interrupted:
      return fault(HttpFailure::stopped, std::move(error.message));
    default:
      return fault(HttpFailure::unreachable, std::move(error.message));
  }
}

/// What OpenSSL's queue says first, of this thread's last call.
std::string tls_reason() {
  const unsigned long code = ERR_get_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return text == nullptr ? "the handshake failed" : text;
}

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

/// Made anew for each connection: a CA file that was replaced counts from the next one on.
OrFault<std::unique_ptr<SSL_CTX, ContextFree>> make_context(const std::string& ca_file) {
  std::unique_ptr<SSL_CTX, ContextFree> context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fault(HttpFailure::tls, tls_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);  // between requests
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                     : SSL_CTX_load_verify_file(context.get(), ca_file.c_str());
  ERR_clear_error();
  if (loaded != 1) return fault(HttpFailure::ca_file, "");
  return context;
}

bool expect_host(SSL* ssl, const std::string& host) {
  if (base::IpAddress::parse(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())) == 1;
}

}  // namespace

std::string basic_authorization(const std::string& user) {
  std::string decoded;
  for (std::size_t i = 0; i < user.size(); ++i) {
    const auto hex = [](char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; };
    if (user[i] == '%' && i + 2 < user.size() && hex(user[i + 1]) >= 0 && hex(user[i + 2]) >= 0) {
      decoded += static_cast<char>(hex(user[i + 1]) * 16 + hex(user[i + 2]));
      i += 2;
    } else {
      decoded += user[i];
    }
  }
  std::string text((decoded.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(decoded.data()), static_cast<int>(decoded.size()));
  text.resize(static_cast<std::size_t>(size));
  OPENSSL_cleanse(decoded.data(), decoded.size());
  return "Basic " + text;
}

OrFault<std::unique_ptr<HttpsConnection>> HttpsConnection::open(const HttpsOptions& options, const Url& url, const Wait& wait) {
  Endpoint server{url.host, url.port_or_default()};
  if (!options.connect_to.empty()) {
    const auto named = parse_endpoint(options.connect_to, server.port);
    if (!named) return fault(HttpFailure::refused_by_us, "the address to dial is none");
    server = *named;
  }
  Endpoint dialled = server;
  std::optional<Url> proxy;
  if (!options.proxy.empty()) {
    proxy = parse_url(options.proxy.find("://") == std::string::npos ? "http://" + options.proxy : options.proxy);
    if (!proxy || proxy->tls) return fault(HttpFailure::refused_by_us, "the proxy is not one like http://proxy:3128");
    dialled = {proxy->host, proxy->port != 0 ? proxy->port : kProxyPort};
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait.until - Clock::now());
  auto socket = connect_tcp(dialled, {left, false}, wait.waker, wait.stop);
  if (!socket) return from(std::move(socket.error()));
  std::unique_ptr<HttpsConnection> connection(new HttpsConnection(std::move(*socket)));
  OrFault<void> done;
  if (proxy && url.tls) {
    const bool v6 = server.host.find(':') != std::string::npos;
    const auto target = (v6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
    done = connection->enter_tunnel(target, proxy->user, wait);
  }
  if (done && url.tls) done = connection->start_tls(options, url.host, wait);
  if (!done) return tl::unexpected(std::move(done.error()));
  return connection;
}

OrFault<void> HttpsConnection::enter_tunnel(const std::string& target, const std::string& user, const Wait& wait) {
  std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!user.empty()) request += "Proxy-Authorization: " + basic_authorization(user) + "\r\n";
  auto sent = send_plain(request + "\r\n", wait);
  if (!sent) return sent;
  http::ResponseReader reader([](std::string_view) { return false; }, {kMaxTunnelHeaderBytes, false});
  // Byte by byte, so that nothing of what comes through the tunnel is taken with it.
  for (std::array<char, 1> byte{}; reader.state() == http::ResponseReader::State::head;) {
    const auto got = receive_plain(byte, wait);
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) reader.end_of_input();
    else reader.feed({byte.data(), *got});
  }
  if (reader.state() == http::ResponseReader::State::failed) return fault(HttpFailure::cut, "the proxy: " + reader.error());
  if (reader.status() / 100 != 2) {
    return fault(HttpFailure::cut, "the proxy does not let us through: status " + std::to_string(reader.status()));
  }
  return {};
}

OrFault<void> HttpsConnection::start_tls(const HttpsOptions& options, const std::string& host, const Wait& wait) {
  ERR_clear_error();
  auto context = make_context(options.ca_file);
  if (!context) return tl::unexpected(std::move(context.error()));
  ssl_.reset(SSL_new(context->get()));
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (!ssl_ || in == nullptr || out == nullptr || !expect_host(ssl_.get(), host)) {
    BIO_free(in);
    BIO_free(out);
    return fault(HttpFailure::tls, tls_reason());
  }
  BIO_set_mem_eof_return(in, -1);  // empty is not the end
  SSL_set_bio(ssl_.get(), in, out);  // its own from here on; not the socket: OpenSSL's write() may raise SIGPIPE
  SSL_set_connect_state(ssl_.get());
  while (true) {
    const int result = SSL_do_handshake(ssl_.get());
    const int why = SSL_get_error(ssl_.get(), result);
    const auto flushed = flush_tls(wait);  // also the alert that says what we do not like
    if (result == 1) return flushed;
    if (why != SSL_ERROR_WANT_READ) {
      const long verified = SSL_get_verify_result(ssl_.get());
      const auto reason = tls_reason();
      return fault(HttpFailure::tls, verified != X509_V_OK ? X509_verify_cert_error_string(verified) : reason);
    }
    if (!flushed) return flushed;
    if (auto filled = fill_tls(wait); !filled) {
      if (filled.error().kind == HttpFailure::cut) filled.error().kind = HttpFailure::tls;
      return filled;
    }
  }
}

OrFault<void> HttpsConnection::wait_for(short events, const Wait& wait) const {
  while (true) {
    if (wait.stop) return fault(HttpFailure::stopped, "stopped");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait.until - Clock::now());
    if (left <= std::chrono::milliseconds(0)) return fault(HttpFailure::timed_out, "no answer in time");
    pollfd items[] = {{socket_.get(), events, 0}, {wait.waker.fd(), POLLIN, 0}};
    poll(items, 2, static_cast<int>(left.count()));
    if ((items[1].revents & POLLIN) != 0) wait.waker.clear();
    if (items[0].revents != 0) return {};
  }
}

OrFault<void> HttpsConnection::send_plain(std::string_view bytes, const Wait& wait) {
  while (!bytes.empty()) {
    const auto sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      if (auto ready = wait_for(POLLOUT, wait); !ready) return ready;
    } else {
      return cut(errno);
    }
  }
  return {};
}

OrFault<std::size_t> HttpsConnection::receive_plain(std::span<char> into, const Wait& wait) {
  while (true) {
    if (wait.stop) return fault(HttpFailure::stopped, "stopped");
    const auto got = recv(socket_.get(), into.data(), into.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EAGAIN && errno != EINTR) return cut(errno);
    if (auto ready = wait_for(POLLIN, wait); !ready) return tl::unexpected(std::move(ready.error()));
  }
}

OrFault<void> HttpsConnection::flush_tls(const Wait& wait) {
  char* bytes = nullptr;
  BIO* out = SSL_get_wbio(ssl_.get());
  const long size = BIO_get_mem_data(out, &bytes);
  if (size <= 0) return {};
  auto sent = send_plain({bytes, static_cast<std::size_t>(size)}, wait);
  [[maybe_unused]] const int reset = BIO_reset(out);
  return sent;
}

OrFault<void> HttpsConnection::fill_tls(const Wait& wait) {
  std::array<char, kPieceBytes> piece;
  const auto got = receive_plain(piece, wait);
  if (!got) return tl::unexpected(got.error());
  if (*got == 0) return fault(HttpFailure::cut, "the connection was closed in the middle of it");
  BIO_write(SSL_get_rbio(ssl_.get()), piece.data(), static_cast<int>(*got));
  return {};
}

OrFault<void> HttpsConnection::write(std::string_view bytes, const Wait& wait) {
  if (!ssl_) return send_plain(bytes, wait);
  while (!bytes.empty()) {
    // In pieces: all of it lies in memory once more while it is sent.
    const auto piece = bytes.substr(0, kPieceBytes);
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written) != 1) {
      if (SSL_get_error(ssl_.get(), 0) != SSL_ERROR_WANT_READ) return fault(HttpFailure::cut, tls_reason());
      if (auto filled = fill_tls(wait); !filled) return filled;
    }
    if (auto flushed = flush_tls(wait); !flushed) return flushed;
    bytes.remove_prefix(written);
  }
  return {};
}

OrFault<std::size_t> HttpsConnection::read(std::span<char> into, const Wait& wait) {
  if (!ssl_) return receive_plain(into, wait);
  while (true) {
    ERR_clear_error();
    std::size_t got = 0;
    if (SSL_read_ex(ssl_.get(), into.data(), into.size(), &got) == 1) return got;
    const int why = SSL_get_error(ssl_.get(), 0);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    if (why != SSL_ERROR_WANT_READ) return fault(HttpFailure::cut, tls_reason());
    if (auto flushed = flush_tls(wait); !flushed) return tl::unexpected(std::move(flushed.error()));
    if (auto filled = fill_tls(wait); !filled) return tl::unexpected(std::move(filled.error()));
  }
}

bool HttpsConnection::idle() const {
  pollfd item{socket_.get(), POLLIN, 0};
  return poll(&item, 1, 0) == 0;
}

}  // namespace iris::registry
