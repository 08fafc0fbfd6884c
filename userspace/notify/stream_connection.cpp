// SPDX-License-Identifier: Apache-2.0
#include "notify/stream_connection.h"

#include <curl/curl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "notify/curl_words.h"

namespace iris::notify {
namespace {

using std::chrono::milliseconds;
using Clock = StreamConnection::Clock;

constexpr milliseconds kMaxPause{20};
/// What a receiver may say to us unasked before we look no further.
constexpr std::size_t kMaxUnasked = 64u << 10;

struct EasyCloser {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

long rest_ms(Clock::time_point deadline) {
  return std::max<long>(1, static_cast<long>(std::chrono::ceil<milliseconds>(deadline - Clock::now()).count()));
}

/// libcurl calls this between making the socket and connecting it.
int prepare_socket(void*, curl_socket_t socket, curlsocktype) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return CURL_SOCKOPT_OK;
}

}  // namespace

class StreamConnection::Impl {
 public:
  Impl(SyslogTarget target, std::string ca_file) : target_(std::move(target)), ca_file_(std::move(ca_file)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }

  base::Result<void> send(std::string_view bytes, Clock::time_point deadline) {
    if (easy_ && ended_by_peer()) easy_.reset();
    if (!easy_) {
      if (auto connected = connect(deadline); !connected) return connected;
    }
    auto sent = write(bytes, deadline);
    if (sent) sent = await_acknowledgement(deadline);
    if (!sent) {
      easy_.reset();
      sent.error().message = target_.host_and_port() + ": " + sent.error().message;
    }
    return sent;
  }

 private:
  base::Result<void> connect(Clock::time_point deadline);
  bool ended_by_peer();
  base::Result<void> write(std::string_view bytes, Clock::time_point deadline);
  base::Result<void> await_acknowledgement(Clock::time_point deadline);

  const SyslogTarget target_;
  const std::string ca_file_;
  std::unique_ptr<CURL, EasyCloser> easy_;  // set: connected
  curl_socket_t socket_ = CURL_SOCKET_BAD;  // easy_'s
};

base::Result<void> StreamConnection::Impl::connect(Clock::time_point deadline) {
  const bool tls = target_.transport == SyslogTarget::Transport::tls;
  std::unique_ptr<CURL, EasyCloser> easy(curl_easy_init());
  CURL* const handle = easy.get();
  std::array<char, CURL_ERROR_SIZE> error{};
  // The scheme only says whether to speak TLS: no HTTP goes over a connection that is CONNECT_ONLY.
  curl_easy_setopt(handle, CURLOPT_URL, ((tls ? "https://" : "http://") + target_.host_and_port()).c_str());
  curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name that is being looked up
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, rest_ms(deadline));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, rest_ms(deadline));
  curl_easy_setopt(handle, CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file_.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file_.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, prepare_socket);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error.data());
  const CURLcode code = curl_easy_perform(handle);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK) return base::fail(target_.host_and_port() + ": " + curl_words(code, error.data()));
  curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket_);
  if (socket_ == CURL_SOCKET_BAD) return base::fail(target_.host_and_port() + ": the connection broke at once");
  easy_ = std::move(easy);
  return {};
}

/// What was written into a connection that the peer has closed would be lost without a word.
bool StreamConnection::Impl::ended_by_peer() {
  std::array<char, 4096> unasked;
  for (std::size_t total = 0; total < kMaxUnasked;) {
    std::size_t size = 0;
    const CURLcode code = curl_easy_recv(easy_.get(), unasked.data(), unasked.size(), &size);
    if (code == CURLE_AGAIN) return false;
    if (code != CURLE_OK || size == 0) return true;
    total += size;
  }
  return true;  // this is no receiver of syslog
}

base::Result<void> StreamConnection::Impl::write(std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    std::size_t size = 0;
    const CURLcode code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &size);
    if (code == CURLE_OK) {
      bytes.remove_prefix(size);
      continue;
    }
    if (code != CURLE_AGAIN) return base::fail("the connection broke while it was written to");
    if (Clock::now() >= deadline) return base::fail("the receiver takes nothing more");
    pollfd item{socket_, POLLOUT, 0};
    ::poll(&item, 1, static_cast<int>(rest_ms(deadline)));
  }
  return {};
}

base::Result<void> StreamConnection::Impl::await_acknowledgement(Clock::time_point deadline) {
  milliseconds pause{1};
  while (true) {
    int unacknowledged = 0;
    if (::ioctl(socket_, SIOCOUTQ, &unacknowledged) != 0) return base::fail_errno("the connection broke", errno);
    // Looked at behind that: of a connection that was reset, nothing is pending either.
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    tcp_info info{};
    size = sizeof info;
    ::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size);
    if (error != 0 || info.tcpi_state == TCP_CLOSE) return base::fail("the receiver has broken the connection");
    if (unacknowledged == 0) return {};
    if (Clock::now() >= deadline) return base::fail("the receiver does not acknowledge");
    std::this_thread::sleep_for(pause);  // the kernel has no event for this
    pause = std::min(pause * 2, kMaxPause);
  }
}

StreamConnection::StreamConnection(SyslogTarget target, std::string ca_file)
    : impl_(std::make_unique<Impl>(std::move(target), std::move(ca_file))) {}
StreamConnection::~StreamConnection() = default;

base::Result<void> StreamConnection::send(std::string_view bytes, Clock::time_point deadline) {
  return impl_->send(bytes, deadline);
}

}  // namespace iris::notify
