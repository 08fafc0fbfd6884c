// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iris::notify::test_support {

/// A CEF line taken apart again, as strict readers do.
struct CefLine {
  std::vector<std::string> header;  // "CEF:0", vendor, ... severity: 7
  std::map<std::string, std::string> extension;
};

/// None: the line is not well-formed, or a key comes twice.
inline std::optional<CefLine> read_cef(std::string_view line) {
  CefLine made;
  std::string field;
  std::size_t at = 0;
  for (; at < line.size() && made.header.size() < 7; ++at) {
    if (line[at] == '\\') {
      if (++at == line.size() || (line[at] != '\\' && line[at] != '|')) return std::nullopt;
      field += line[at];
    } else if (line[at] == '|') {
      made.header.push_back(std::move(field));
      field.clear();
    } else {
      field += line[at];
    }
  }
  if (made.header.size() != 7) return std::nullopt;
  // A key stands between the last blank and an equals sign that is not escaped.
  std::string key;
  std::string value;
  std::optional<std::size_t> last_blank;  // in `value`
  const auto store = [&made](std::string name, std::string text) {
    return made.extension.emplace(std::move(name), std::move(text)).second;
  };
  for (; at < line.size(); ++at) {
    if (line[at] == '\\') {
      if (++at == line.size()) return std::nullopt;
      switch (line[at]) {
        case '\\':
        case '=': value += line[at]; break;
        case 'n': value += '\n'; break;
        case 'r': value += '\r'; break;
        default: return std::nullopt;
      }
    } else if (line[at] == '=') {
      const auto begin = last_blank ? *last_blank + 1 : 0;
      auto next = value.substr(begin);
      if (next.empty() || (!last_blank && !key.empty())) return std::nullopt;
      if (!key.empty() && !store(key, value.substr(0, begin - 1))) return std::nullopt;
      key = std::move(next);
      value.clear();
      last_blank.reset();
    } else {
      if (line[at] == ' ') last_blank = value.size();
      value += line[at];
    }
  }
  if (key.empty()) return value.empty() ? std::optional(made) : std::nullopt;
  if (!store(key, value)) return std::nullopt;
  return made;
}

}  // namespace iris::notify::test_support
