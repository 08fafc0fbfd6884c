// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/unique_fd.h"
#include "registry/https_client.h"
#include "registry/tcp_socket.h"
#include "registry/url.h"

namespace iris::registry {

/// Why a connection does not go on. `detail` is for people; foreign text in it is not cleaned yet.
struct HttpFault {
  HttpFailure kind = HttpFailure::cut;
  std::string detail;
};
template <typename T>
using OrFault = tl::expected<T, HttpFault>;

/// A connection to one server, with TLS where the URL says so, through a proxy where there is one.
/// For one thread at a time. All waits end at `until`, or when `stop` is set and `waker` woken.
class HttpsConnection {
 public:
  using Clock = std::chrono::steady_clock;
  struct Wait {
    const Waker& waker;
    const std::atomic<bool>& stop;
    Clock::time_point until;
  };

  static OrFault<std::unique_ptr<HttpsConnection>> open(const HttpsOptions& options, const Url& url, const Wait& wait);

  OrFault<void> write(std::string_view bytes, const Wait& wait);
  /// 0: the peer has closed, as it should.
  OrFault<std::size_t> read(std::span<char> into, const Wait& wait);
  /// Between two requests: nothing has come, not even an end.
  bool idle() const;

 private:
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  explicit HttpsConnection(base::UniqueFd socket) : socket_(std::move(socket)) {}
  OrFault<void> start_tls(const HttpsOptions& options, const std::string& host, const Wait& wait);
  OrFault<void> enter_tunnel(const std::string& target, const std::string& user, const Wait& wait);
  OrFault<void> wait_for(short events, const Wait& wait) const;
  OrFault<void> send_plain(std::string_view bytes, const Wait& wait);
  OrFault<std::size_t> receive_plain(std::span<char> into, const Wait& wait);
  OrFault<void> flush_tls(const Wait& wait);
  OrFault<void> fill_tls(const Wait& wait);

  base::UniqueFd socket_;
  std::unique_ptr<SSL, SslFree> ssl_;  // empty: plain
};

/// "Basic .." for a URL's user.
std::string basic_authorization(const std::string& user);

}  // namespace iris::registry
