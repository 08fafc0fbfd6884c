// SPDX-License-Identifier: Apache-2.0
#include "capture/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace iris::capture {
namespace {

// A refused program's verifier log can have megabytes; its end tells the reason.
constexpr std::size_t kMessageTail = 4096;
constexpr std::size_t kLogLimit = 64 * 1024;

LibbpfLog* current_log = nullptr;

__attribute__((format(printf, 2, 0)))
int print(libbpf_print_level level, const char* format, std::va_list arguments) {
  if (level != LIBBPF_WARN || current_log == nullptr) return 0;
  char* message = nullptr;
  const int length = vasprintf(&message, format, arguments);
  if (length < 0) return 0;
  current_log->append({message, static_cast<std::size_t>(length)});
  std::free(message);
  return length;
}

/// Text between `before` and the next quote.
std::string_view quoted_after(std::string_view line, std::string_view before) {
  const std::size_t start = line.find(before);
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start + before.size());
  return line.substr(0, line.find('\''));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The verifier's last word: the line above its statistics. Empty when it had none.
std::string_view verifier_reason(const std::vector<std::string_view>& lines) {
  for (std::size_t i = lines.size(); i-- > 1;) {
    if (lines[i].starts_with("processed ") && contains(lines[i], " insns")) {
      return contains(lines[i - 1], "-- BEGIN") ? std::string_view{} : lines[i - 1];
    }
  }
  return {};
}

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current_log) {
  current_log = this;
  libbpf_set_print(print);
}

LibbpfLog::~LibbpfLog() { current_log = outer_; }

void LibbpfLog::append(std::string_view message) {
  if (message.size() > kMessageTail) message.remove_prefix(message.size() - kMessageTail);
  if (text_.size() + message.size() > kLogLimit) return;
  text_ += message;
}

std::optional<LoadFault> refused_program(std::string_view log) {
  const std::vector<std::string_view> lines = lines_of(log);
  for (std::size_t i = lines.size(); i-- > 0;) {
    const std::string_view name = quoted_after(lines[i], "prog '");
    if (name.empty() || !contains(lines[i], "failed")) continue;
    std::string reason(verifier_reason(lines));
    // Refused before the verifier: the first complaint is the cause, the last one its consequence.
    for (std::size_t j = 0; reason.empty() && j <= i; ++j) {
      const std::size_t colon = lines[j].find("': ");
      if (quoted_after(lines[j], "prog '") == name) reason = lines[j].substr(colon + 3);
    }
    return LoadFault{std::string(name), std::move(reason)};
  }
  return std::nullopt;
}

std::optional<LoadFault> refused_map(std::string_view log) {
  for (const std::string_view line : lines_of(log)) {
    const std::string_view name = quoted_after(line, "map '");
    if (name.empty() || !contains(line, "failed to create")) continue;
    return LoadFault{std::string(name), std::string(line.substr(line.find("': ") + 3))};
  }
  return std::nullopt;
}

}  // namespace iris::capture
