// SPDX-License-Identifier: Apache-2.0
#include "notify/webhook_sink.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "notify/alert_reading.h"
#include "notify/curl_words.h"
#include "notify/secret_file.h"

namespace iris::notify {
namespace {

constexpr std::size_t kMaxIdBytes = 128;
constexpr std::size_t kMaxAnswerBytes = 64u << 10;

/// A list of libcurl whose lines are wiped: one of them is Authorization.
class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  ~HeaderList() {
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

/// Anything of a header's value that could end it, or that is no ASCII, is replaced.
std::string header_value(std::string text) {
  text.resize(std::min(text.size(), kMaxIdBytes));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < '!' || c > '~'; }, '_');
  return text;
}

std::string hmac_sha256(std::string_view key, std::string_view body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(body.data()),
         body.size(), digest.data(), &size);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kHex[digest[i] >> 4];
    hex += kHex[digest[i] & 15];
  }
  return hex;
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return "webhook";
  }
  const std::unique_ptr<char, decltype(&curl_free)> owned(host, curl_free);
  return host;
}

}  // namespace

/// libcurl's handle, with the connection that is kept in it.
class WebhookSink::Transfer {
 public:
  struct Answer {
    CURLcode code = CURLE_OK;
    std::string detail;
    long status = 0;
    std::chrono::seconds retry_after{0};
  };

  Transfer() {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy_ = curl_easy_init();
  }
  Transfer(const Transfer&) = delete;
  ~Transfer() { curl_easy_cleanup(easy_); }

  Answer post(const WebhookOptions& options, const HeaderList& headers, const std::string& body) {
    std::array<char, CURL_ERROR_SIZE> error{};
    std::size_t answer_bytes = 0;
    set_up(options);
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, count_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &answer_bytes);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error.data());
    Answer answer;
    answer.code = curl_easy_perform(easy_);
    answer.detail = error.data();
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
      answer.retry_after = std::chrono::seconds(seconds);
    }
    // We ended it, because the body went on and on: the status was there before.
    if (answer.code == CURLE_WRITE_ERROR && answer_bytes > kMaxAnswerBytes) answer.code = CURLE_OK;
    curl_easy_reset(easy_);  // forgets the pointers; keeps the connection
    return answer;
  }

 private:
  static std::size_t count_body(char*, std::size_t size, std::size_t count, void* context) {
    auto& total = *static_cast<std::size_t*>(context);
    total += size * count;
    return total > kMaxAnswerBytes ? 0 : size * count;
  }

  void set_up(const WebhookOptions& options) {
    curl_easy_setopt(easy_, CURLOPT_URL, options.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");  // which one is allowed, webhook_url_fault() says
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);  // the token is for this host only
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name that is being looked up
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) {
      curl_easy_setopt(easy_, CURLOPT_CAINFO, options.ca_file.c_str());
      curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
      curl_easy_setopt(easy_, CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a replaced file counts from the next connection on
    }
    curl_easy_setopt(easy_, CURLOPT_USERAGENT, ("iris-collector/" + options.product_version).c_str());
  }

  CURL* easy_ = nullptr;
};

WebhookSink::WebhookSink(WebhookOptions options)
    : options_(std::move(options)), host_(host_of(options_.url)), transfer_(std::make_unique<Transfer>()) {}
WebhookSink::~WebhookSink() = default;

base::Result<void> WebhookSink::judge(long status) const {
  if (status >= 200 && status < 300) return {};
  const auto words = host_ + " answered " + std::to_string(status);
  if (status >= 300 && status < 400) return base::fail(words + " (redirects are not followed)");
  if (status == 401) return base::fail(words + " (is the token the right one?)");
  const bool later = status == 408 || status == 425 || status == 429;
  const bool refused = status >= 400 && status < 500 && !later;
  return base::fail(words, refused ? base::Error::Kind::usage : base::Error::Kind::failed);
}

base::Result<void> WebhookSink::deliver(const Notice& notice) {
  retry_after_ = std::chrono::seconds(0);
  const auto alert = read_alert(notice.json);
  if (!alert) return tl::unexpected(alert.error());
  HeaderList headers;
  headers.add("Content-Type: application/json");
  headers.add("Expect:");  // no asking beforehand
  headers.add("Idempotency-Key: " + header_value(alert->id) + "-" + std::to_string(notice.change));
  if (!options_.token_file.empty()) {
    const auto token = read_secret_file(options_.token_file);
    if (!token) return tl::unexpected(token.error());
    std::string line = "Authorization: Bearer ";
    line.reserve(line.size() + token->reveal().size());  // grows once: one copy to wipe
    line += token->reveal();
    headers.add(line);
    OPENSSL_cleanse(line.data(), line.size());
  }
  if (!options_.secret_file.empty()) {
    const auto secret = read_secret_file(options_.secret_file);
    if (!secret) return tl::unexpected(secret.error());
    headers.add("X-Iris-Signature: sha256=" + hmac_sha256(secret->reveal(), notice.json));
  }
  const auto answer = transfer_->post(options_, headers, notice.json);
  if (answer.code != CURLE_OK) return base::fail(host_ + ": " + curl_words(answer.code, answer.detail));
  retry_after_ = answer.retry_after;
  return judge(answer.status);
}

}  // namespace iris::notify
