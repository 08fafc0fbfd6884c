// SPDX-License-Identifier: Apache-2.0
#include "policy/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "flow/records.h"
#include "profile/observation.h"

namespace iris::policy {
namespace {

// Not <cctype>: its answers depend on the locale.
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

/// Runs of other characters become one `filler`, none of it at either end.
template <typename Fine>
std::string squeeze(std::string_view text, std::size_t longest, char filler, bool to_lower, Fine fine) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= longest) break;
    if (fine(c)) out += to_lower ? lower(c) : c;
    else if (!out.empty() && out.back() != filler) out += filler;
  }
  while (!out.empty() && !is_alnum(out.back())) out.pop_back();
  const auto begin = std::find_if(out.begin(), out.end(), is_alnum);
  out.erase(out.begin(), begin);
  return out.empty() ? "x" : out;
}

}  // namespace

std::string plain(std::string_view text) {
  constexpr std::size_t kLongest = 160;
  std::string out;
  for (const char c : text.substr(0, kLongest)) {
    const bool fine = c >= ' ' && c <= '~' && c != '"' && c != '\'' && c != '\\' && c != '`';
    out += fine ? c : '?';
  }
  return out;
}

std::string identifier(std::string_view text, std::size_t longest) {
  return squeeze(text, longest, '_', true, is_alnum);
}

std::string slug(std::string_view text, std::size_t longest) { return squeeze(text, longest, '-', true, is_alnum); }

std::string label_value(std::string_view text) {
  constexpr std::size_t kLongest = 63;
  return squeeze(text, kLongest, '-', false, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

std::string host_name(std::string_view text) {
  constexpr std::size_t kLongestName = 253;
  constexpr std::size_t kLongestPart = 63;
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > kLongestName) return {};
  std::string out;
  std::size_t part = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool ends = i + 1 == text.size() || text[i + 1] == '.';
    if (c == '.') {
      if (part == 0) return {};
      part = 0;
    } else {
      // Hyphens stand inside, underscores not at the end.
      if (!is_alnum(c) && !(c == '_' && !ends) && !(c == '-' && part > 0 && !ends)) return {};
      if (++part > kLongestPart) return {};
    }
    out += lower(c);
  }
  return out;
}

std::string service_text(std::uint8_t protocol, std::uint16_t port) {
  const auto name = flow::protocol_name(protocol);
  if (port == 0) return name;
  if (port == profile::service_port(UINT16_MAX)) return fmt::format("{}/{}-{}", name, port, UINT16_MAX);
  return fmt::format("{}/{}", name, port);
}

std::string last_part(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::pair<std::string, std::size_t> cgroup_match(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  // systemd writes other characters as \x2d; nft takes a backslash in quotes as it is.
  const bool fine = path.size() <= 512 && std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/_.@:-\\").find(c) != std::string_view::npos;
  });
  if (path.empty() || !fine || path.find("..") != std::string_view::npos) return {};
  return {std::string(path), static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1};
}

}  // namespace iris::policy
