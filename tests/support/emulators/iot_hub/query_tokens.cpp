// SPDX-License-Identifier: Apache-2.0
#include "emulators/iot_hub/query_tokens.h"

#include <cstdint>
#include <optional>

namespace iris::iot_hub_emulator {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  base::Result<std::vector<Token>> run() {
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      Token token;
      token.at = at_;
      if (at_ == text_.size()) {
        tokens_.push_back(std::move(token));
        return std::move(tokens_);
      }
      if (!read(token)) return base::fail(fault_ + " at character " + std::to_string(token.at + 1));
      tokens_.push_back(std::move(token));
    }
  }

 private:
  bool read(Token& token) {
    const char c = text_[at_];
    if (begins_word(c)) return read_word(token);
    if (is_digit(c) || (c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return read_number(token);
    if (c == '\'' || c == '"') return read_text(token, c);
    return read_symbol(token);
  }

  bool read_word(Token& token) {
    token.kind = Token::Kind::word;
    while (at_ < text_.size() && (begins_word(text_[at_]) || is_digit(text_[at_]))) token.value += text_[at_++];
    return true;
  }

  void take_digits(Token& token) {
    while (at_ < text_.size() && is_digit(text_[at_])) token.value += text_[at_++];
  }

  bool read_number(Token& token) {
    token.kind = Token::Kind::number;
    token.value += text_[at_++];
    take_digits(token);
    if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
      token.value += text_[at_++];
      take_digits(token);
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      token.value += text_[at_++];
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) token.value += text_[at_++];
      if (at_ == text_.size() || !is_digit(text_[at_])) return fail("a number without an exponent");
      take_digits(token);
    }
    if (at_ < text_.size() && begins_word(text_[at_])) return fail("a number that runs into a word");
    return true;
  }

  bool read_text(Token& token, char quote) {
    token.kind = Token::Kind::text;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote) {
        ++at_;
        return true;
      }
      if (c != '\\') {
        token.value += c;
      } else if (++at_ == text_.size() || !read_escape(token.value)) {
        return fail("a broken escape");
      }
    }
    return fail("a text without an end");
  }

  /// `at_` is on the character after the backslash, and stays on the escape's last.
  bool read_escape(std::string& out) {
    switch (text_[at_]) {
      case '\'': case '"': case '\\': case '/': out += text_[at_]; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': break;
      default: return false;
    }
    auto code = read_hex();
    if (code && *code >= 0xD800 && *code < 0xDC00) {  // the first half of a pair
      if (text_.substr(at_ + 1, 2) != "\\u") return false;
      at_ += 2;
      const auto low = read_hex();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
      code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    } else if (code && *code >= 0xDC00 && *code <= 0xDFFF) {
      return false;
    }
    if (!code) return false;
    append_utf8(out, *code);
    return true;
  }

  /// Four digits behind the 'u' that `at_` is on.
  std::optional<std::uint32_t> read_hex() {
    if (at_ + 4 >= text_.size()) return std::nullopt;
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[++at_];
      const int lower = c | 0x20;
      if (is_digit(c)) {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      } else {
        return std::nullopt;
      }
    }
    return code;
  }

  bool read_symbol(Token& token) {
    token.kind = Token::Kind::symbol;
    for (const std::string_view symbol : {"<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "*"}) {
      if (text_.substr(at_, symbol.size()) != symbol) continue;
      token.value = symbol;
      at_ += symbol.size();
      return true;
    }
    return fail("an unknown character");
  }

  bool fail(const char* fault) {
    fault_ = fault;
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  std::string fault_;
};

}  // namespace

base::Result<std::vector<Token>> query_tokens(std::string_view text) { return Scanner(text).run(); }

}  // namespace iris::iot_hub_emulator
