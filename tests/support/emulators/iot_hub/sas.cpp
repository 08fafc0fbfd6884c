// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/sas.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "emulators/http/message.h"

namespace iris::iot_hub_emulator {
namespace {

constexpr std::string_view kScheme = "SharedAccessSignature ";
constexpr std::size_t kMaxTokenBytes = 4'096;

std::optional<std::vector<unsigned char>> base64_decoded(const std::string& text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > kMaxTokenBytes) return std::nullopt;
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : (text.ends_with("=") ? 1 : 0);
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

/// The fields of a token, as sent; nothing when one is repeated or without a value.
std::optional<std::map<std::string_view, std::string_view>> fields_of(std::string_view token) {
  std::map<std::string_view, std::string_view> fields;
  while (!token.empty()) {
    const auto end = token.find('&');
    const auto field = token.substr(0, end);
    token = end == std::string_view::npos ? std::string_view{} : token.substr(end + 1);
    const auto equals = field.find('=');
    if (equals == std::string_view::npos || equals + 1 == field.size()) return std::nullopt;
    if (!fields.emplace(field.substr(0, equals), field.substr(equals + 1)).second) return std::nullopt;
  }
  return fields;
}

bool same_text(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string with_lower_host(std::string resource) {
  const auto end = std::min(resource.find('/'), resource.size());
  for (std::size_t i = 0; i < end; ++i) resource[i] = static_cast<char>(std::tolower(static_cast<unsigned char>(resource[i])));
  return resource;
}

/// "h/a" covers "h/a" and "h/a/b", not "h/ab".
bool covers(const std::string& scope, const std::string& resource) {
  const auto outer = with_lower_host(scope);
  const auto inner = with_lower_host(resource);
  return inner.starts_with(outer) && (inner.size() == outer.size() || outer.ends_with('/') || inner[outer.size()] == '/');
}

}  // namespace

unsigned built_in_permissions(const std::string& policy) {
  static const std::map<std::string, unsigned> kBuiltIn{{"iothubowner", kAll},
                                                        {"service", kServiceConnect},
                                                        {"device", kDeviceConnect},
                                                        {"registryRead", kRegistryRead},
                                                        {"registryReadWrite", kRegistryRead | kRegistryWrite}};
  const auto found = kBuiltIn.find(policy);
  return found == kBuiltIn.end() ? 0 : found->second;
}

std::string sas_signature(const std::string& key_base64, std::string_view sr, std::string_view se) {
  const auto key = base64_decoded(key_base64);
  if (!key) return "";
  const std::string text = std::string(sr) + "\n" + std::string(se);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac.data(), &size);
  return base64(mac.data(), size);
}

base::Result<unsigned> verify_token(std::string_view authorization, const std::string& resource,
                                    const Policies& policies, std::int64_t now_unix_s) {
  if (authorization.empty()) return base::fail("no Authorization");
  if (!authorization.starts_with(kScheme) || authorization.size() > kMaxTokenBytes) return base::fail("no shared access signature");
  const auto fields = fields_of(authorization.substr(kScheme.size()));
  if (!fields) return base::fail("a malformed token");
  for (const auto* name : {"sr", "sig", "se"}) {
    if (!fields->contains(name)) return base::fail(std::string("a token without ") + name);
  }
  if (!fields->contains("skn")) return base::fail("a token without skn: a device's, not the service's");
  const auto policy_name = emulator::percent_decoded(fields->at("skn"));
  const auto policy = policy_name ? policies.find(*policy_name) : policies.end();
  if (policy == policies.end()) return base::fail("an unknown policy");

  const auto se = fields->at("se");
  std::int64_t expiry = 0;
  const auto [end, error] = std::from_chars(se.data(), se.data() + se.size(), expiry);
  if (error != std::errc{} || end != se.data() + se.size()) return base::fail("an expiry that is no number");
  const auto given = emulator::percent_decoded(fields->at("sig"));
  const auto computed = sas_signature(policy->second.key, fields->at("sr"), se);
  if (!given || computed.empty() || !same_text(*given, computed)) return base::fail("a wrong signature");
  if (expiry <= now_unix_s) return base::fail("an expired token");
  const auto scope = emulator::percent_decoded(fields->at("sr"));
  if (!scope || scope->empty() || !covers(*scope, resource)) return base::fail("a token for another resource");
  return policy->second.permissions;
}

}  // namespace iris::iot_hub_emulator
