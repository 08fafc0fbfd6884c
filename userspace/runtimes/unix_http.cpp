// SPDX-License-Identifier: Apache-2.0
#include "runtimes/unix_http.h"

#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <mutex>
#include <system_error>

#include "runtimes/label_policy.h"

namespace iris::runtimes {
namespace {

constexpr long kConnectTimeoutMs = 3000;

struct EasyCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyCloser>;

struct Transfer {
  Easy easy;
  UnixHttp::Response response;
  std::size_t max_body_bytes = 0;
  bool too_large = false;
  bool done = false;
  std::function<void(std::string_view)> on_data;  // for the stream
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view piece(data, size * count);
  long status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (transfer.on_data && status == 200) {
    transfer.on_data(piece);
    return piece.size();
  }
  if (transfer.response.body.size() + piece.size() > transfer.max_body_bytes) {
    transfer.too_large = true;
    return 0;  // ends the transfer
  }
  transfer.response.body.append(piece);
  return piece.size();
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& response = static_cast<Transfer*>(context)->response;
  const std::string_view line(data, size * count);
  const auto value_of = [&line](std::string_view name, std::string& to) {
    if (line.size() <= name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0) return;
    std::string_view value = line.substr(name.size());
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
    to = clean_text(value, 64);
  };
  value_of("Api-Version:", response.api_version);
  value_of("Server:", response.server);
  return line.size();
}

std::string explain(CURL* easy, CURLcode code) {
  if (code == CURLE_COULDNT_CONNECT) {
    long error_number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error_number);
    if (error_number == EACCES || error_number == EPERM) {
      return "permission denied: run as root or as a member of the socket's group";
    }
    if (error_number == ECONNREFUSED) return "nobody listens on the socket: the daemon is not running";
    if (error_number == ENOENT) return "the socket is gone: the daemon is not running";
    if (error_number != 0) return std::generic_category().message(static_cast<int>(error_number));
  }
  if (code == CURLE_OPERATION_TIMEDOUT) return "no answer in time: the daemon hangs";
  if (code == CURLE_GOT_NOTHING) return "the connection was closed without an answer";
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY) return "the answer is not HTTP";
  return curl_easy_strerror(code);
}

}  // namespace

class UnixHttp::Impl {
 public:
  Impl(std::string socket_path, const std::atomic<bool>& stop) : socket_path_(std::move(socket_path)), stop_(stop) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_ = curl_multi_init();
  }
  ~Impl() {
    if (stream_.easy) curl_multi_remove_handle(multi_, stream_.easy.get());
    stream_.easy.reset();
    curl_multi_cleanup(multi_);
  }

  void begin(Transfer& transfer, const std::string& path, long timeout_ms) {
    transfer.easy.reset(curl_easy_init());
    CURL* easy = transfer.easy.get();
    curl_easy_setopt(easy, CURLOPT_URL, ("http://localhost" + path).c_str());
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket_path_.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");  // none, whatever the environment says
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    curl_multi_add_handle(multi_, easy);
  }

  void step(std::chrono::milliseconds wait) {
    int running = 0;
    curl_multi_perform(multi_, &running);
    if (collect() || stop_) return;
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    curl_multi_perform(multi_, &running);
    collect();
  }

  /// Marks the transfers that ended; true when there was one.
  bool collect() {
    bool any = false;
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->done = true;
      any = true;
      Response& response = transfer->response;
      curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &response.status);
      if (message->data.result == CURLE_OK) continue;
      response.status = 0;
      response.error = transfer->too_large ? "the answer is larger than " + std::to_string(transfer->max_body_bytes) +
                                                 " bytes"
                                           : explain(message->easy_handle, message->data.result);
    }
    return any;
  }

  Response get(const std::string& path, std::chrono::milliseconds timeout, std::size_t max_body_bytes) {
    Transfer transfer;
    transfer.max_body_bytes = max_body_bytes;
    begin(transfer, path, static_cast<long>(timeout.count()));
    while (!transfer.done && !stop_) step(std::chrono::milliseconds(1000));
    curl_multi_remove_handle(multi_, transfer.easy.get());
    if (!transfer.done) transfer.response.error = "stopped";
    return std::move(transfer.response);
  }

  std::string socket_path_;
  const std::atomic<bool>& stop_;
  CURLM* multi_ = nullptr;
  Transfer stream_;
};

UnixHttp::UnixHttp(std::string socket_path, const std::atomic<bool>& stop)
    : impl_(std::make_unique<Impl>(std::move(socket_path), stop)) {}
UnixHttp::~UnixHttp() = default;

UnixHttp::Response UnixHttp::get(const std::string& path, std::chrono::milliseconds timeout,
                                 std::size_t max_body_bytes) {
  return impl_->get(path, timeout, max_body_bytes);
}

void UnixHttp::open_stream(const std::string& path, std::function<void(std::string_view)> on_data) {
  impl_->stream_.on_data = std::move(on_data);
  impl_->stream_.max_body_bytes = 4096;  // of an error's text
  impl_->begin(impl_->stream_, path, 0);
  impl_->step(std::chrono::milliseconds(0));
}

void UnixHttp::wait(std::chrono::milliseconds timeout) { impl_->step(timeout); }

bool UnixHttp::stream_open() const { return impl_->stream_.easy && !impl_->stream_.done; }

std::string UnixHttp::stream_error() const {
  const Response& response = impl_->stream_.response;
  if (!response.error.empty()) return response.error;
  if (response.status != 0 && response.status != 200) return "status " + std::to_string(response.status);
  return "the connection was closed";
}

void UnixHttp::wake() { curl_multi_wakeup(impl_->multi_); }

}  // namespace iris::runtimes
