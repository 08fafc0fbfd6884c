// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace iris::test_support {

struct CurlAnswer {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

/// A client that has nothing to do with the product's or the emulators' code.
class CurlClient {
 public:
  /// `ca_pem` empty: the URL has to be http. Connections to any host go to 127.0.0.1:`port`.
  explicit CurlClient(int port, std::string ca_pem = "") : port_(port), ca_pem_(std::move(ca_pem)) {}

  CurlAnswer get(const std::string& url, const std::vector<std::string>& headers = {}) { return perform(url, headers, nullptr); }
  CurlAnswer post(const std::string& url, const std::vector<std::string>& headers, const std::string& body) {
    return perform(url, headers, &body);
  }
  void set_option(CURLoption option, long value) { options_[option] = value; }

 private:
  static std::size_t on_body(char* data, std::size_t one, std::size_t size, void* into) {
    static_cast<CurlAnswer*>(into)->body.append(data, one * size);
    return one * size;
  }
  static std::size_t on_header(char* data, std::size_t one, std::size_t size, void* into) {
    const std::string line(data, one * size);
    const auto colon = line.find(": ");
    if (colon != std::string::npos) {
      auto name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      static_cast<CurlAnswer*>(into)->headers[name] = line.substr(colon + 2, line.find_last_not_of("\r\n") + 1 - colon - 2);
    }
    return one * size;
  }

  CurlAnswer perform(const std::string& url, const std::vector<std::string>& headers, const std::string* body) {
    CurlAnswer answer;
    CURL* curl = curl_easy_init();
    curl_slist* list = nullptr;
    for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
    curl_slist* route = curl_slist_append(nullptr, ("::127.0.0.1:" + std::to_string(port_)).c_str());
    curl_blob ca{ca_pem_.data(), ca_pem_.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_CONNECT_TO, route);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    if (!ca_pem_.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
    if (body != nullptr) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
    }
    for (const auto& [option, value] : options_) curl_easy_setopt(curl, option, value);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
    answer.code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    curl_slist_free_all(route);
    return answer;
  }

  const int port_;
  std::string ca_pem_;
  std::map<CURLoption, long> options_;
};

}  // namespace iris::test_support
