// SPDX-License-Identifier: Apache-2.0
#include "registry/sas_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace iris::registry {
namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

const unsigned char* octets(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size() + 16);
  for (const char c : text) {
    if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return result;
}

base::Result<Secret> decode_base64(std::string_view text) {
  const auto padding = static_cast<std::size_t>(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
  const auto digits = text.substr(0, text.size() - padding);
  // EVP_DecodeBlock skips blanks at the ends and takes the padding for zeros.
  if (text.empty() || text.size() % 4 != 0 ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return is_alphanumeric(c) || c == '+' || c == '/'; })) {
    return base::fail("not base64");
  }
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), octets(text), static_cast<int>(text.size()));
  if (length < 0) return base::fail("not base64");
  Secret result(std::string_view(bytes).substr(0, static_cast<std::size_t>(length) - padding));
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return result;
}

Secret make_sas_token(std::string_view resource, std::string_view policy, const Secret& key, std::int64_t expiry) {
  const std::string sr = percent_encode(resource);
  const std::string se = std::to_string(expiry);
  const std::string signed_text = sr + "\n" + se;
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned mac_bytes = 0;
  HMAC(EVP_sha256(), key.reveal().data(), static_cast<int>(key.reveal().size()), octets(signed_text),
       signed_text.size(), mac.data(), &mac_bytes);
  std::array<unsigned char, EVP_MAX_MD_SIZE * 2> base64{};
  const int length = EVP_EncodeBlock(base64.data(), mac.data(), static_cast<int>(mac_bytes));
  const std::string_view signature(reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(length));
  std::string token = "SharedAccessSignature sr=" + sr + "&sig=" + percent_encode(signature);
  if (!policy.empty()) token += "&skn=" + percent_encode(policy);
  token += "&se=" + se;
  Secret result(token);
  OPENSSL_cleanse(token.data(), token.size());
  return result;
}

}  // namespace iris::registry
