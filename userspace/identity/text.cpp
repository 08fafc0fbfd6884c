// SPDX-License-Identifier: Apache-2.0
#include "identity/text.h"

#include <algorithm>
#include <charconv>

#include "base/rfc3339.h"
#include "base/utf8.h"

namespace iris::identity {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); }

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool contains_any_case(std::string_view text, std::string_view lower_case_part) {
  return std::search(text.begin(), text.end(), lower_case_part.begin(), lower_case_part.end(),
                     [](char x, char y) { return lower(x) == y; }) != text.end();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string bounded(std::string_view text, std::size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    const base::CodePoint point = base::decode_utf8(text);
    text.remove_prefix(point.length);
    const std::size_t before = out.size();
    // U+007F to U+009F: terminals obey them as well.
    const bool control = point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0);
    base::append_utf8(out, control ? U'?' : point.value);
    if (out.size() > max_bytes) {
      out.resize(before);
      break;
    }
  }
  return out;
}

bool is_hub_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxHubId && std::all_of(id.begin(), id.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("-.+%_#*?!(),=@$'").find(c) != std::string_view::npos;
  });
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // where the last '*' stands
  std::size_t resume = 0;                     // what it has taken so far ends here
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trimmed(text);
  const bool hexadecimal = text.size() > 2 && text[0] == '0' && lower(text[1]) == 'x';
  if (hexadecimal) text.remove_prefix(2);
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, hexadecimal ? 16 : 10);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end || (hexadecimal && number < 0)) return std::nullopt;
  return number;
}

std::uint64_t parse_time(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 64 || text.starts_with("0001-")) return 0;
  if (const auto time = base::parse_rfc3339(text)) return *time;
  return base::parse_rfc3339(std::string(text) + "Z").value_or(0);
}

}  // namespace iris::identity
