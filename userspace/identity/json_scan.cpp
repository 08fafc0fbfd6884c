// SPDX-License-Identifier: Apache-2.0
#include "identity/json_scan.h"

#include <charconv>

#include "base/utf8.h"

namespace iris::identity {
namespace {

constexpr std::string_view kReplacement = "\\ufffd";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The code unit of "\uXXXX" at the front; -1 when there is none.
int code_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return -1;
  int value = 0;
  for (std::size_t i = 2; i < 6; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_number_part(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

class Preparation {
 public:
  Preparation(std::string_view text, const JsonLimits& limits) : rest_(text), limits_(limits) {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
    out_.reserve(rest_.size());
  }

  base::Result<std::string> run() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '"') {
        string();
      } else if (c == '-' || (c >= '0' && c <= '9')) {
        number();
      } else if (limits_.comments && c == '/') {
        comment();
      } else if (!punctuation(c)) {
        return base::fail("nested deeper than " + std::to_string(limits_.depth) + " levels");
      }
      if (values_ > limits_.values) return base::fail("more than " + std::to_string(limits_.values) + " values");
    }
    return std::move(out_);
  }

 private:
  bool punctuation(char c) {
    if (c == '[' || c == '{') {
      if (++depth_ > limits_.depth) return false;
      ++values_;
    } else if (c == ']' || c == '}') {
      if (depth_ > 0) --depth_;
      if (limits_.comments && comma_ < out_.size()) out_[comma_] = ' ';
    } else if (c == ',') {
      ++values_;  // counts what no other branch sees: true, false, null
    }
    if (!is_blank(c)) comma_ = c == ',' ? out_.size() : std::string::npos;
    take(1);
    return true;
  }

  void string() {
    ++values_;
    comma_ = std::string::npos;
    take(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '"') return take(1);
      if (c == '\\') {
        escape();
      } else if (static_cast<unsigned char>(c) < 0x20) {
        replace(1, " ");
      } else {
        const base::CodePoint point = base::decode_utf8(rest_);
        if (point.valid) {
          take(point.length);
        } else {
          replace(point.length, kReplacement);
        }
      }
    }
  }

  void escape() {
    const int unit = code_unit(rest_);
    if (unit < 0xd800 || unit > 0xdfff) return take(std::min<std::size_t>(rest_.size(), unit < 0 ? 2 : 6));
    const int second = unit < 0xdc00 ? code_unit(rest_.substr(6)) : -1;
    if (second >= 0xdc00 && second <= 0xdfff) return take(12);
    replace(6, kReplacement);
  }

  void number() {
    ++values_;
    comma_ = std::string::npos;
    std::size_t length = 1;
    while (length < rest_.size() && is_number_part(rest_[length])) ++length;
    double value = 0;
    if (std::from_chars(rest_.data(), rest_.data() + length, value).ec == std::errc::result_out_of_range) {
      replace(length, "null");
    } else {
      take(length);
    }
  }

  void comment() {
    std::size_t length = 1;
    if (rest_.starts_with("//")) {
      length = std::min(rest_.find('\n'), rest_.size());
    } else if (rest_.starts_with("/*")) {
      const std::size_t end = rest_.find("*/", 2);
      length = end == std::string_view::npos ? rest_.size() : end + 2;
    } else {
      return take(1);  // the parser will refuse it
    }
    replace(length, " ");
  }

  void take(std::size_t bytes) {
    out_.append(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes);
  }
  void replace(std::size_t bytes, std::string_view with) {
    out_.append(with);
    rest_.remove_prefix(bytes);
  }

  std::string_view rest_;
  const JsonLimits& limits_;
  std::string out_;
  std::size_t depth_ = 0;
  std::size_t values_ = 0;
  std::size_t comma_ = std::string::npos;  // in out_, when nothing but blanks has followed it
};

/// Length of the value at the front, which need not be valid JSON: up to a comma or a closing
/// bracket that is not inside it. npos: it does not end.
std::size_t value_length(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

}  // namespace

base::Result<std::string> prepare_json(std::string_view text, const JsonLimits& limits) {
  return Preparation(text, limits).run();
}

base::Result<void> each_element(std::string_view text, const std::function<void(std::string_view)>& take) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  skip_blanks(text);
  if (text.starts_with('{')) {
    take(text);
    return {};
  }
  if (!text.starts_with('[')) return base::fail("neither an array nor an object");
  text.remove_prefix(1);
  skip_blanks(text);
  if (text.starts_with(']')) return {};
  while (true) {
    const std::size_t length = value_length(text);
    if (length == std::string_view::npos || text[length] == '}') return base::fail("the array does not end");
    take(text.substr(0, length));
    if (text[length] == ']') return {};
    text.remove_prefix(length + 1);
  }
}

}  // namespace iris::identity
