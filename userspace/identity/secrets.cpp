// SPDX-License-Identifier: Apache-2.0
#include "identity/secrets.h"

#include <algorithm>
#include <array>

#include "identity/text.h"

namespace iris::identity {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMaxNameLength = 64;  // in front of a '='

constexpr std::array kParts = {"password"sv,     "passwd"sv,       "passphrase"sv,    "passcode"sv,    "secret"sv,
                               "token"sv,        "credential"sv,   "privatekey"sv,    "sharedaccess"sv, "connectionstring"sv,
                               "connectstring"sv, "connstr"sv,     "accesskey"sv,     "accountkey"sv,  "apikey"sv,
                               "appkey"sv,       "nwkkey"sv,       "skey"sv,          "primarykey"sv,  "secondarykey"sv,
                               "symmetrickey"sv, "encryptionkey"sv, "signature"sv,    "bearer"sv,      "authorization"sv,
                               "username"sv,     "sasurl"sv,       "sasuri"sv,        "webhook"sv};
constexpr std::array kWholes = {"user"sv, "login"sv, "pwd"sv, "pass"sv, "pw"sv,  "pin"sv, "psk"sv,       "sas"sv,
                                "sig"sv,  "auth"sv,  "auths"sv, "jwt"sv, "key"sv, "keys"sv, "community"sv, "pfx"sv};
constexpr std::array kEnds = {"key"sv, "keys"sv, "pwd"sv, "psk"sv, "pass"sv, "pin"sv, "community"sv, "communitystring"sv, "jwt"sv, "sas"sv};

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

bool is_base64(char c) { return (is_word(c) && c != '.') || c == '+' || c == '/'; }

/// The word that ends right before `end`, quotes and blanks between them passed over.
std::string_view word_before(std::string_view text, std::size_t end) {
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '"' || text[end - 1] == '\'' || text[end - 1] == '\\')) --end;
  std::size_t begin = end;
  while (begin > 0 && end - begin <= kMaxNameLength && is_word(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

/// "password=x", "\"AppKey\": \"x\"", "--token x"; also inside longer text.
bool names_a_secret(std::string_view text) {
  for (std::size_t at = text.find_first_of("=:"); at != std::string_view::npos; at = text.find_first_of("=:", at + 1)) {
    if (at + 1 < text.size() && is_secret_name(word_before(text, at))) return true;
  }
  for (std::size_t at = text.find("--"); at != std::string_view::npos; at = text.find("--", at + 2)) {
    std::size_t end = at + 2;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end < text.size() && text[end] == ' ' && is_secret_name(text.substr(at + 2, end - at - 2))) return true;
  }
  return false;
}

/// 32 or 64 bytes in base64: keys of IoT Hub and of storage accounts. Without the '=' at the end
/// it may also be a long name, so it has to look mixed.
bool is_base64_key(std::string_view text) {
  const bool padded = (text.size() == 44 && text.ends_with('=')) || (text.size() == 88 && text.ends_with("=="));
  if (padded) text = text.substr(0, text.find('='));
  if ((text.size() != 43 && text.size() != 86) || !std::all_of(text.begin(), text.end(), is_base64)) return false;
  const auto any = [&](char first, char last) {
    return std::any_of(text.begin(), text.end(), [=](char c) { return c >= first && c <= last; });
  };
  return padded || (any('0', '9') && any('a', 'z') && any('A', 'Z'));
}

/// header.payload.signature
bool is_web_token(std::string_view text) {
  const std::size_t start = text.find("eyJ");
  if (start == std::string_view::npos) return false;
  std::size_t end = start;
  while (end < text.size() && (is_base64(text[end]) || text[end] == '.')) ++end;
  const std::string_view token = text.substr(start, end - start);
  return token.size() > 20 && std::count(token.begin(), token.end(), '.') >= 2;
}

bool is_authorization(std::string_view text) {
  for (const std::string_view scheme : {"bearer "sv, "basic "sv, "digest "sv}) {
    if (text.size() > scheme.size() + 6 && equal_any_case(text.substr(0, scheme.size()), scheme) &&
        text.find(' ', scheme.size()) == std::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  if (name.empty()) return false;
  std::string plain = lower_case(name);
  std::erase_if(plain, [](char c) { return c == '-' || c == '_' || c == '.' || c == ' ' || c == '$'; });
  const auto is_plain = [&](std::string_view whole) { return plain == whole; };
  const auto is_in = [&](std::string_view part) { return plain.find(part) != std::string::npos; };
  const auto ends = [&](std::string_view end) { return plain.ends_with(end); };
  return std::any_of(kWholes.begin(), kWholes.end(), is_plain) || std::any_of(kParts.begin(), kParts.end(), is_in) ||
         std::any_of(kEnds.begin(), kEnds.end(), ends);
}

bool holds_secret(std::string_view text) {
  return contains_any_case(text, "sharedaccess") || contains_any_case(text, "accountkey") ||
         contains_any_case(text, "private key-----") || names_a_secret(text) || is_web_token(text) ||
         is_authorization(trimmed(text)) || is_base64_key(trimmed(text));
}

std::string without_secrets(std::string_view text) {
  if (holds_secret(text)) return std::string(kRemoved);
  std::string out;
  while (true) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) break;
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>,;", begin), text.size());
    const std::string_view url = text.substr(begin, end - begin);
    const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
    const std::size_t in_authority = authority.rfind('@');
    // A password may hold a '/' that nobody has escaped.
    const std::size_t anywhere = url.rfind('@');
    const std::size_t at = in_authority != std::string_view::npos ? in_authority
                           : anywhere != std::string_view::npos && url.substr(0, anywhere).find(':') != std::string_view::npos ? anywhere
                                                                                                                          : std::string_view::npos;
    out.append(text.substr(0, begin));
    if (at != std::string_view::npos) {
      out.append(kRemoved);
      out.append(url.substr(at));
    } else {
      out.append(url);
    }
    text.remove_prefix(end);
  }
  out.append(text);
  return out;
}

}  // namespace iris::identity
