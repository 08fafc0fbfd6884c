// SPDX-License-Identifier: Apache-2.0
#include "registry/https_client.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>

#include "http/response_reader.h"
#include "registry/https_connection.h"
#include "registry/tcp_socket.h"
#include "registry/url.h"

namespace iris::registry {
namespace {

using Clock = std::chrono::steady_clock;
using http::ResponseReader;

constexpr std::size_t kMaxErrorBytes = 200;
constexpr std::size_t kReadBytes = 16u << 10;
constexpr std::chrono::seconds kMaxIdle{60};  // servers close what is silent for longer

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

/// Names out of certificates and the like: foreign text.
std::string printable(std::string_view text) {
  std::string result(text.substr(0, kMaxErrorBytes));
  std::replace_if(result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

std::string explain(const HttpFault& fault, const HttpsOptions& options, bool answer_began) {
  const auto detail = printable(fault.detail);
  switch (fault.kind) {
    case HttpFailure::stopped:
      return "stopped";
    case HttpFailure::host_not_found:
      return "the name cannot be resolved: is the name right, and does this gateway have DNS?";
    case HttpFailure::unreachable:
      return "no connection: nobody listens there, or there is no way to it (" + detail + ")";
    case HttpFailure::timed_out:
      return answer_began ? "the answer did not end in time" : "no answer in time";
    case HttpFailure::ca_file:
      return options.ca_file.empty() ? "the authorities of this system cannot be used"
                                     : "the CA file " + options.ca_file + " cannot be used";
    case HttpFailure::tls: {
      const bool clock = detail.find("expired") != std::string::npos || detail.find("not yet valid") != std::string::npos;
      return "TLS failed: " + detail +
             (clock ? " (or the clock of this gateway is wrong)"
                    : " (is ca_file the right one? A proxy that opens TLS needs its CA there)");
    }
    case HttpFailure::refused_by_us:
      return "the request cannot be sent: " + detail;
    case HttpFailure::too_large:
      return "the answer is larger than " + std::to_string(options.max_body_bytes) + " bytes";
    default:
      return "the connection broke: " + detail;
  }
}

/// The bytes of a request, which hold a token: wiped with the object.
class Message {
 public:
  Message(const HttpRequest& request, const Url& url, const HttpsOptions& options) {
    const std::string method = request.post ? "POST " : "GET ";
    // A proxy without a tunnel wants the whole of it.
    const bool forwarded = !options.proxy.empty() && !url.tls;
    std::vector<std::pair<std::string_view, std::string_view>> lines;
    const auto host = url.authority();
    const auto length = std::to_string(request.body.size());
    std::string proxy_user;
    lines.emplace_back("Host", host);
    lines.emplace_back("User-Agent", options.user_agent);
    for (const auto& [name, value] : request.headers) lines.emplace_back(name, value);
    if (!request.authorization.empty()) lines.emplace_back("Authorization", request.authorization.reveal());
    if (request.post) lines.emplace_back("Content-Length", length);
    if (const auto proxy = forwarded ? parse_url(options.proxy) : std::nullopt; proxy && !proxy->user.empty()) {
      proxy_user = basic_authorization(proxy->user);
      lines.emplace_back("Proxy-Authorization", proxy_user);
    }
    const std::string target = (forwarded ? "http://" + host : "") + url.target();
    std::size_t size = method.size() + target.size() + request.body.size() + 32;
    for (const auto& [name, value] : lines) size += name.size() + value.size() + 4;
    bytes_.reserve(size);  // grows once: one copy to wipe
    bytes_ += method;
    bytes_ += target;
    bytes_ += " HTTP/1.1\r\n";
    for (const auto& [name, value] : lines) {
      bytes_ += name;
      bytes_ += ": ";
      bytes_ += value;
      bytes_ += "\r\n";
    }
    bytes_ += "\r\n";
    bytes_ += request.body;
    OPENSSL_cleanse(proxy_user.data(), proxy_user.size());
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace

std::optional<std::string> HttpResponse::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::int64_t seconds = timegm(&parts);
  if (seconds < 0) return std::nullopt;
  return seconds;
}

class HttpsClient::Impl {
 public:
  explicit Impl(HttpsOptions options) : options_(std::move(options)) {}

  HttpResponse perform(const HttpRequest& request);
  void abort() {
    stop_ = true;
    waker_.wake();
  }

 private:
  struct Origin {
    std::string authority;
    bool tls = false;
    friend bool operator==(const Origin&, const Origin&) = default;
  };

  OrFault<void> exchange(const Message& message, const Url& url, Clock::time_point until, HttpResponse& response);
  OrFault<void> read_answer(ResponseReader& reader, const HttpsConnection::Wait& wait);

  const HttpsOptions options_;
  std::atomic<bool> stop_{false};
  Waker waker_;
  std::unique_ptr<HttpsConnection> connection_;
  Origin origin_;
  Clock::time_point last_used_{};
  bool answer_began_ = false;
};

OrFault<void> HttpsClient::Impl::read_answer(ResponseReader& reader, const HttpsConnection::Wait& wait) {
  std::array<char, kReadBytes> piece;
  auto state = reader.state();
  while (state == ResponseReader::State::head || state == ResponseReader::State::body) {
    const auto got = connection_->read(piece, wait);
    if (!got) return tl::unexpected(got.error());
    state = *got == 0 ? reader.end_of_input() : reader.feed({piece.data(), *got});
    answer_began_ = answer_began_ || *got > 0;
  }
  if (reader.refused()) return tl::unexpected<HttpFault>({HttpFailure::too_large, ""});
  if (state == ResponseReader::State::failed) return tl::unexpected<HttpFault>({HttpFailure::cut, reader.error()});
  return {};
}

OrFault<void> HttpsClient::Impl::exchange(const Message& message, const Url& url, Clock::time_point until,
                                          HttpResponse& response) {
  const HttpsConnection::Wait wait{waker_, stop_, until};
  const Origin origin{url.authority(), url.tls};
  bool kept = connection_ && origin == origin_ && Clock::now() - last_used_ < kMaxIdle && connection_->idle();
  while (true) {
    if (!kept) {
      connection_.reset();
      const auto connect_until = std::min(until, Clock::now() + options_.connect_timeout);
      auto opened = HttpsConnection::open(options_, url, {waker_, stop_, connect_until});
      if (!opened) return tl::unexpected(std::move(opened.error()));
      connection_ = std::move(*opened);
      origin_ = origin;
    }
    ResponseReader reader(
        [this, &response](std::string_view piece) {
          if (response.body.size() + piece.size() > options_.max_body_bytes) return false;
          response.body.append(piece);
          return true;
        },
        {options_.max_header_bytes, true});
    answer_began_ = false;
    auto done = connection_->write(message.bytes(), wait);
    if (done) done = read_answer(reader, wait);
    const bool keep = done && reader.keep_alive();
    if (!keep) connection_.reset();
    last_used_ = Clock::now();
    // A kept connection may have been closed in the moment that we wrote.
    if (!done && kept && done.error().kind == HttpFailure::cut && !answer_began_) {
      kept = false;
      continue;
    }
    if (done) {
      response.status = static_cast<long>(reader.status());
      response.headers = reader.headers();
    }
    return done;
  }
}

HttpResponse HttpsClient::Impl::perform(const HttpRequest& request) {
  HttpResponse response;
  const auto failed = [this, &response](const HttpFault& fault) {
    response = {};
    response.failure = fault.kind;
    response.error = explain(fault, options_, answer_began_);
    return std::move(response);
  };
  answer_began_ = false;
  if (stop_) return failed({HttpFailure::stopped, ""});
  bool sound = !has_control(request.url) && !has_control(request.authorization.reveal());
  for (const auto& [name, value] : request.headers) sound = sound && !has_control(name) && !has_control(value);
  if (!sound) return failed({HttpFailure::refused_by_us, "it has a control character in its URL or a header"});
  const auto url = parse_url(request.url);
  if (!url) return failed({HttpFailure::refused_by_us, "its URL is none"});
  if (!url->tls && !options_.allow_plain_http) return failed({HttpFailure::refused_by_us, "it would go in plain text"});
  const Message message(request, *url, options_);
  const auto done = exchange(message, *url, Clock::now() + options_.total_timeout, response);
  if (stop_) return failed({HttpFailure::stopped, ""});
  if (!done) return failed(done.error());
  return response;
}

HttpsClient::HttpsClient(HttpsOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpsClient::~HttpsClient() = default;
HttpResponse HttpsClient::perform(const HttpRequest& request) { return impl_->perform(request); }
void HttpsClient::abort() { impl_->abort(); }

}  // namespace iris::registry
