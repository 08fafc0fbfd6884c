// SPDX-License-Identifier: Apache-2.0
#include "registry/https_client.h"

#include <curl/curl.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace iris::registry {
namespace {

constexpr std::size_t kMaxErrorBytes = 200;

struct EasyCloser {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyCloser>;

/// A list of libcurl whose lines are wiped: one of them is Authorization.
class Lines {
 public:
  Lines() = default;
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() {
    for (auto* line = list_; line != nullptr; line = line->next) OPENSSL_cleanse(line->data, std::strlen(line->data));
    curl_slist_free_all(list_);
  }
  void add(const std::string& line) {
    if (auto* list = curl_slist_append(list_, line.c_str())) list_ = list;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

struct Transfer {
  const HttpsOptions* options = nullptr;
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool body_too_large = false;
  bool headers_too_large = false;
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view piece(data, size * count);
  if (transfer.response.body.size() + piece.size() > transfer.options->max_body_bytes) {
    transfer.body_too_large = true;
    return 0;  // ends the transfer
  }
  transfer.response.body.append(piece);
  return piece.size();
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > transfer.options->max_header_bytes) {
    transfer.headers_too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) transfer.response.headers.clear();  // those before were of an interim answer
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  transfer.response.headers.insert_or_assign(std::move(name), std::string(trimmed(line.substr(colon + 1))));
  return line.size();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

/// libcurl repeats names out of certificates: foreign text.
std::string printable(std::string_view text) {
  std::string result(text.substr(0, kMaxErrorBytes));
  std::replace_if(result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

HttpFailure kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpFailure::host_not_found;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
      return HttpFailure::unreachable;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::timed_out;
    case CURLE_SSL_CACERT_BADFILE:
      return HttpFailure::ca_file;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return HttpFailure::tls;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return HttpFailure::refused_by_us;
    default:
      return HttpFailure::cut;
  }
}

std::string explain(const Transfer& transfer, CURLcode code, HttpFailure kind) {
  const std::string detail =
      printable(transfer.error[0] != '\0' ? std::string_view(transfer.error.data()) : curl_easy_strerror(code));
  switch (kind) {
    case HttpFailure::host_not_found:
      return "the name cannot be resolved: is the name right, and does this gateway have DNS?";
    case HttpFailure::unreachable:
      return "no connection: nobody listens there, or there is no way to it (" + detail + ")";
    case HttpFailure::timed_out:
      return transfer.header_bytes == 0 ? "no answer in time" : "the answer did not end in time";
    case HttpFailure::ca_file:
      return "the CA file " + transfer.options->ca_file + " cannot be used";
    case HttpFailure::tls: {
      const bool clock = detail.find("expired") != std::string::npos || detail.find("not yet valid") != std::string::npos;
      return "TLS failed: " + detail +
             (clock ? " (or the clock of this gateway is wrong)"
                    : " (is ca_file the right one? A proxy that opens TLS needs its CA there)");
    }
    case HttpFailure::refused_by_us:
      return "the request cannot be sent: " + detail;
    default:
      return "the connection broke: " + detail;
  }
}

}  // namespace

std::optional<std::string> HttpResponse::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  const std::int64_t seconds = curl_getdate(text.c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return seconds;
}

class HttpsClient::Impl {
 public:
  explicit Impl(HttpsOptions options) : options_(std::move(options)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2L);
  }
  ~Impl() { curl_multi_cleanup(multi_); }

  HttpResponse perform(const HttpRequest& request);
  void abort() {
    stop_ = true;
    curl_multi_wakeup(multi_);
  }

 private:
  void set_up(CURL* easy, Transfer& transfer, const HttpRequest& request, const Lines& headers, const Lines& targets);
  std::optional<CURLcode> run(CURL* easy);

  const HttpsOptions options_;
  std::atomic<bool> stop_{false};
  CURLM* multi_ = nullptr;
};

void HttpsClient::Impl::set_up(CURL* easy, Transfer& transfer, const HttpRequest& request, const Lines& headers,
                               const Lines& targets) {
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options_.allow_plain_http ? "http,https" : "https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);  // the token is for this host only
  curl_easy_setopt(easy, CURLOPT_PROXY, options_.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name that is being looked up
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a replaced file counts from the next connection on
  }
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  if (targets.get() != nullptr) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, targets.get());
  if (request.post) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error.data());
}

/// Nothing: aborted.
std::optional<CURLcode> HttpsClient::Impl::run(CURL* easy) {
  curl_multi_add_handle(multi_, easy);
  std::optional<CURLcode> code;
  while (!stop_ && !code) {
    int running = 0;
    int left = 0;
    curl_multi_perform(multi_, &running);
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    if (!code && !stop_) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
  curl_multi_remove_handle(multi_, easy);
  return code;
}

HttpResponse HttpsClient::Impl::perform(const HttpRequest& request) {
  Transfer transfer;
  transfer.options = &options_;
  HttpResponse& response = transfer.response;
  const auto failed = [&response](HttpFailure failure, std::string error) {
    response = {};
    response.failure = failure;
    response.error = std::move(error);
    return std::move(response);
  };
  Lines headers;
  Lines targets;
  bool sound = !has_control(request.url) && !has_control(request.authorization.reveal());
  for (const auto& [name, value] : request.headers) {
    sound = sound && !has_control(name) && !has_control(value);
    headers.add(name + ": " + value);
  }
  if (!sound) return failed(HttpFailure::refused_by_us, "the request has a control character in its URL or a header");
  if (!request.authorization.empty()) {
    std::string line = "Authorization: ";
    line.reserve(line.size() + request.authorization.reveal().size());  // grows once: one copy to wipe
    line += request.authorization.reveal();
    headers.add(line);
    OPENSSL_cleanse(line.data(), line.size());
  }
  if (!options_.connect_to.empty()) targets.add("::" + options_.connect_to);
  const Easy easy(curl_easy_init());
  set_up(easy.get(), transfer, request, headers, targets);
  const auto code = run(easy.get());
  if (!code) return failed(HttpFailure::stopped, "stopped");
  if (transfer.body_too_large) {
    return failed(HttpFailure::too_large,
                  "the answer is larger than " + std::to_string(options_.max_body_bytes) + " bytes");
  }
  if (transfer.headers_too_large) return failed(HttpFailure::cut, "the headers of the answer do not end");
  if (*code != CURLE_OK) {
    const auto kind = kind_of(*code);
    return failed(kind, explain(transfer, *code, kind));
  }
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &response.status);
  return std::move(response);
}

HttpsClient::HttpsClient(HttpsOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpsClient::~HttpsClient() = default;
HttpResponse HttpsClient::perform(const HttpRequest& request) { return impl_->perform(request); }
void HttpsClient::abort() { impl_->abort(); }

}  // namespace iris::registry
