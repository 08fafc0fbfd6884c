// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/continuation.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace iris::iot_hub_emulator {
namespace {

constexpr std::string_view kBegin = R"([{"token":"+RID:~kL0%2F'==#RT:)";
constexpr std::string_view kMiddle = R"(#TRC:100;\"FPC: ","range":{"min":"","max":"05C1DFFFFFFFFC%"},"seal":")";
constexpr std::string_view kEnd = R"("}])";
constexpr std::size_t kSealBytes = 16;

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1); };
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

Continuations::Continuations() { RAND_bytes(secret_.data(), static_cast<int>(secret_.size())); }

std::string Continuations::seal(std::string_view query, std::string_view position) const {
  std::string text(query);
  text += '\0';
  text += position;
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return hex({reinterpret_cast<const char*>(mac.data()), kSealBytes});
}

std::string Continuations::make(std::string_view query, std::string_view position) const {
  return std::string(kBegin) + hex(position) + std::string(kMiddle) + seal(query, position) + std::string(kEnd);
}

std::optional<std::string> Continuations::read(std::string_view query, std::string_view token) const {
  if (!token.starts_with(kBegin) || !token.ends_with(kEnd)) return std::nullopt;
  const auto middle = token.find(kMiddle);
  if (middle == std::string_view::npos || middle < kBegin.size()) return std::nullopt;
  const auto position = from_hex(token.substr(kBegin.size(), middle - kBegin.size()));
  const auto behind = middle + kMiddle.size();
  if (!position || behind + kEnd.size() > token.size()) return std::nullopt;
  const auto given = token.substr(behind, token.size() - kEnd.size() - behind);
  const auto expected = seal(query, *position);
  if (given.size() != expected.size() || CRYPTO_memcmp(given.data(), expected.data(), given.size()) != 0) return std::nullopt;
  return position;
}

}  // namespace iris::iot_hub_emulator
