// SPDX-License-Identifier: Apache-2.0
#include "registry/url.h"

#include <algorithm>
#include <charconv>

#include "base/ip_address.h"

namespace iris::registry {
namespace {

constexpr std::size_t kMaxHostBytes = 253;

bool is_name(std::string_view host) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !host.empty() && host.size() <= kMaxHostBytes && std::all_of(host.begin(), host.end(), fits);
}

bool is_v6(const std::string& host) { return host.find(':') != std::string::npos; }

/// "host", "host:port", "[address]:port".
bool take_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    if (!is_v6(url.host) || !base::IpAddress::parse(url.host)) return false;
    text.remove_prefix(end + 1);
    if (!text.empty() && !text.starts_with(':')) return false;
    if (!text.empty()) port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    url.host = text.substr(0, colon);
    if (!is_name(url.host)) return false;
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (port.empty()) return !text.ends_with(':');
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  return error == std::errc() && end == port.data() + port.size() && url.port != 0;
}

}  // namespace

std::string Url::authority() const {
  std::string text = is_v6(host) ? "[" + host + "]" : host;
  if (port != 0 && port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::optional<Url> parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; })) return std::nullopt;
  Url url;
  if (text.starts_with("https://")) {
    url.tls = true;
  } else if (!text.starts_with("http://")) {
    return std::nullopt;
  }
  text.remove_prefix(url.tls ? 8 : 7);
  text = text.substr(0, text.find('#'));
  const auto end = std::min(text.find_first_of("/?"), text.size());
  auto authority = text.substr(0, end);
  auto rest = text.substr(end);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    url.user = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  if (!take_authority(authority, url)) return std::nullopt;
  const auto question = rest.find('?');
  if (question != std::string_view::npos) {
    url.query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  if (!rest.empty()) url.path = rest;
  return url;
}

}  // namespace iris::registry
