// SPDX-License-Identifier: Apache-2.0
#include "sas.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace iris::event_hub_emulator {
namespace {

std::optional<std::string> decode(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

std::string sign(const std::string& text, const std::string& key) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac, &size);
  unsigned char base64[2 * EVP_MAX_MD_SIZE];
  const int length = EVP_EncodeBlock(base64, mac, static_cast<int>(size));
  return {reinterpret_cast<const char*>(base64), static_cast<std::size_t>(length)};
}

}  // namespace

std::string plain_audience(const std::string& audience) {
  std::string out = audience;
  while (out.ends_with('/')) out.pop_back();
  const auto scheme = out.find("://");
  if (scheme == std::string::npos) return out;
  const auto host = scheme + 3;
  auto path = std::min(out.find('/', host), out.size());
  const auto colon = out.find(':', host);
  if (colon < path) {
    out.erase(colon, path - colon);
    path = colon;
  }
  std::transform(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(path), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool covers(const std::string& resource, const std::string& audience) {
  return audience == resource || audience.starts_with(resource + "/");
}

std::optional<Token> verify_token(const std::string& text, const Policies& policies, std::int64_t now_s, std::string& fault) {
  const std::string scheme = "SharedAccessSignature ";
  if (!text.starts_with(scheme)) {
    fault = "not a SharedAccessSignature";
    return std::nullopt;
  }
  std::map<std::string, std::string> fields;
  std::size_t begin = scheme.size();
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('&', begin), text.size());
    const std::string field = text.substr(begin, end - begin);
    const std::size_t equals = field.find('=');
    if (equals != std::string::npos) fields[field.substr(0, equals)] = field.substr(equals + 1);
    begin = end + 1;
  }
  const auto resource = decode(fields["sr"]);
  const auto signature = decode(fields["sig"]);
  const auto policy = decode(fields["skn"]);
  const std::string& se = fields["se"];
  Token token;
  const auto [end, error] = std::from_chars(se.data(), se.data() + se.size(), token.expiry);
  if (!resource || resource->empty() || !signature || !policy || error != std::errc() || end != se.data() + se.size()) {
    fault = "a part of the token is missing or malformed";
    return std::nullopt;
  }
  const auto known = policies.find(*policy);
  if (known == policies.end()) {
    fault = "no such policy";
    return std::nullopt;
  }
  const std::string wanted = sign(fields["sr"] + "\n" + se, known->second.key);
  if (signature->size() != wanted.size() || CRYPTO_memcmp(signature->data(), wanted.data(), wanted.size()) != 0) {
    fault = "wrong signature";
    return std::nullopt;
  }
  if (token.expiry <= now_s) {
    fault = "expired";
    return std::nullopt;
  }
  token.resource = plain_audience(*resource);
  token.policy = *policy;
  token.listen = known->second.listen;
  return token;
}

}  // namespace iris::event_hub_emulator
