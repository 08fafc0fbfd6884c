// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/secret.h"

namespace iris::registry {

struct HttpsOptions {
  /// "host:port" that is dialled in place of the URL's; empty: the URL's own. TLS still
  /// checks the name in the URL, and Host still says it.
  std::string connect_to;
  std::string ca_file;  // PEM; the only authorities then; empty: those of the system
  /// "http://proxy:3128", with "user:password@" where it wants that; empty: none. http_proxy, https_proxy and NO_PROXY of the
  /// environment are not looked at: what is on the wire is what the configuration says.
  std::string proxy;
  bool allow_plain_http = false;
  std::chrono::milliseconds connect_timeout{10'000};  // name, TCP and TLS
  std::chrono::milliseconds total_timeout{60'000};
  std::size_t max_body_bytes = 2u << 20;
  std::size_t max_header_bytes = 64u << 10;  // all of one answer
  std::string user_agent = "iris";
};

struct HttpRequest {
  std::string url;
  bool post = false;  // else GET
  std::vector<std::pair<std::string, std::string>> headers;  // without Authorization
  Secret authorization;                                      // its value; empty: none
  std::string body;
};

/// Why there is no answer. The order has no meaning.
enum class HttpFailure : std::uint8_t {
  none,
  stopped,         // abort() was called
  refused_by_us,   // the request cannot be sent as given: a new line in a header, a bad URL
  host_not_found,
  unreachable,     // refused, no route
  tls,             // certificate, name, version
  ca_file,         // ours cannot be read
  timed_out,
  cut,             // the connection broke, or what came is not HTTP
  too_large,       // more than max_body_bytes or max_header_bytes
};

struct HttpResponse {
  HttpFailure failure = HttpFailure::none;
  std::string error;  // in plain words, printable, nothing of the request's secrets; empty when there is an answer
  long status = 0;    // 0: no answer
  std::map<std::string, std::string> headers;  // names in lower case; the last of a repeated one
  std::string body;

  bool answered() const { return failure == HttpFailure::none; }
  /// Without the blanks around it; nothing when it was not sent.
  std::optional<std::string> header(const std::string& lower_case_name) const;
};

/// Seconds since 1970 of an HTTP date.
std::optional<std::int64_t> parse_http_date(const std::string& text);

/// One request at a time, over HTTP/1.1 and TLS 1.2 or later, with a kept connection.
/// No redirects, no cookies, no .netrc, no compression (so that a small body stays small).
/// Nothing is logged. perform() is for one thread; abort() for any.
class HttpsClient {
 public:
  explicit HttpsClient(HttpsOptions options);
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  HttpResponse perform(const HttpRequest& request);
  /// Ends what is under way at once, also while a name is looked up, and all that comes later.
  void abort();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::registry
