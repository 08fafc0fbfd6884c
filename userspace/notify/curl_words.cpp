// SPDX-License-Identifier: Apache-2.0
#include "notify/curl_words.h"

#include <algorithm>

namespace iris::notify {
namespace {

constexpr std::size_t kMaxDetailBytes = 200;

/// libcurl repeats names out of certificates: foreign text.
std::string printable(std::string_view text) {
  std::string result(text.substr(0, kMaxDetailBytes));
  std::replace_if(result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

}  // namespace

std::string curl_words(CURLcode code, std::string_view detail) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "the name cannot be resolved";
    case CURLE_COULDNT_CONNECT:
      return "no connection: nobody listens there, or there is no way to it";
    case CURLE_OPERATION_TIMEDOUT:
      return "no answer in time";
    case CURLE_SSL_CACERT_BADFILE:
      return "the CA file cannot be used";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return "TLS failed: " + printable(detail) + " (is ca_file the right one?)";
    default:
      return std::string("the connection broke: ") + curl_easy_strerror(code);
  }
}

}  // namespace iris::notify
