// SPDX-License-Identifier: Apache-2.0
#include "emulators/http/message.h"

namespace iris::emulator {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool read_query(std::string_view text, std::map<std::string, std::string>& into) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto name = percent_decoded(pair.substr(0, equals));
    const auto value = equals == std::string_view::npos ? std::string() : percent_decoded(pair.substr(equals + 1));
    if (!name || !value) return false;
    into[*name] = *value;
  }
  return true;
}

}  // namespace

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::string_view Request::raw_path() const { return std::string_view(target).substr(0, target.find('?')); }

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool split_target(Request& request) {
  std::string_view path = request.raw_path();
  if (path.empty() || path.front() != '/') return false;
  do {
    path.remove_prefix(1);
    const auto end = path.find('/');
    auto segment = percent_decoded(path.substr(0, end));
    if (!segment) return false;
    request.path.push_back(std::move(*segment));
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  } while (!path.empty());
  const auto question = request.target.find('?');
  return question == std::string::npos ||
         read_query(std::string_view(request.target).substr(question + 1), request.query);
}

}  // namespace iris::emulator
