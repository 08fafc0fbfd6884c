// SPDX-License-Identifier: Apache-2.0
#include "cli/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <cwchar>
#include <numeric>

#include "base/utf8.h"

namespace iris::cli {
namespace {

constexpr std::size_t kShortIdLength = 12;

/// Three significant digits at most: "1.2", "12.3", "123".
std::string short_number(double value) { return value < 99.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value); }

bool is_harmful(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) ||     // controls, C1 among them
         point == 0x200e || point == 0x200f ||                  // direction marks,
         (point >= 0x202a && point <= 0x202e) ||                // overrides
         (point >= 0x2066 && point <= 0x2069) ||                // and isolates
         point == 0x2028 || point == 0x2029 || point == 0xfeff;
}

/// Nearly all text is; the long way is ten times as long.
bool is_plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return byte >= 0x20 && byte < 0x7f; });
}

std::size_t columns_of(char32_t point) {
  if (point < 0x300) return 1;
  // Knows wide and combining characters in a UTF-8 locale; -1 in others.
  const int width = wcwidth(static_cast<wchar_t>(point));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  static constexpr std::array<const char*, 6> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.6 would be printed as "1024".
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", short_number(value), kUnits[unit]);
}

std::string human_duration(std::uint64_t us, const Terminal& terminal) {
  const double value = static_cast<double>(us);
  if (us < 1000) return fmt::format("{} {}", us, terminal.micro());
  if (value < 999'500) return short_number(value / 1e3) + " ms";
  if (value < 59.95e6) return short_number(value / 1e6) + " s";
  const std::uint64_t seconds = (us + 500'000) / 1'000'000;
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string clock_time(std::uint64_t wall_ns, bool milliseconds) {
  if (wall_ns == 0) return "-";
  // The C library looks the zone up anew each time, which is half of what a line of events costs.
  static thread_local std::time_t cached_second = -1;
  static thread_local std::string cached_text;
  const auto second = static_cast<std::time_t>(wall_ns / 1'000'000'000);
  if (second != cached_second) {
    std::tm parts{};
    localtime_r(&second, &parts);
    cached_text = fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
    cached_second = second;
  }
  std::string text = cached_text;
  if (milliseconds) fmt::format_to(std::back_inserter(text), ".{:03}", wall_ns / 1'000'000 % 1000);
  return text;
}

std::string printable(std::string_view text) {
  if (is_plain_ascii(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const base::CodePoint point = base::decode_utf8(text);
    if (is_harmful(point.value)) {
      base::append_utf8(out, 0xfffd);
    } else {
      base::append_utf8(out, point.value);
    }
    text.remove_prefix(point.length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  if (is_plain_ascii(text)) return text.size();
  std::size_t width = 0;
  while (!text.empty()) {
    const base::CodePoint point = base::decode_utf8(text);
    width += columns_of(point.value);
    text.remove_prefix(point.length);
  }
  return width;
}

std::string_view cut_to_width(std::string_view text, std::size_t width) {
  std::size_t taken = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const base::CodePoint point = base::decode_utf8(text.substr(bytes));
    taken += columns_of(point.value);
    if (taken > width) break;
    bytes += point.length;
  }
  return text.substr(0, bytes);
}

std::string owner_name(const flow::OwnerPtr& owner) {
  if (!owner) return "unknown";
  if (!owner->module_id.empty()) return printable(owner->module_id);
  if (!owner->name.empty()) return printable(owner->name);
  if (!owner->container_id.empty()) return printable(owner->container_id.substr(0, kShortIdLength));
  if (!owner->cgroup_path.empty()) return printable(owner->cgroup_path);
  return owner->cgroup_id == 0 ? "unknown" : fmt::format("cgroup {}", owner->cgroup_id);
}

std::string endpoint(const base::IpAddress& address, std::uint16_t port) {
  if (port == 0) return address.to_string();
  std::string text;
  text.reserve(48);
  if (address.is_v4()) {
    address.append_to(text);
  } else {
    text += '[';
    address.append_to(text);
    text += ']';
  }
  text += ':';
  text += std::to_string(port);
  return text;
}

std::string_view failure_words(flow::FailureReason reason) {
  return reason == flow::FailureReason::timed_out ? "timed out"
         : reason == flow::FailureReason::other   ? "failed otherwise"
                                                  : flow::to_string(reason);
}

std::string failures(const flow::FlowRecord& flow) {
  std::string text;
  for (std::size_t i = 0; i < flow.failed.size(); ++i) {
    if (flow.failed[i] == 0) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", human_count(flow.failed[i]), failure_words(static_cast<flow::FailureReason>(i)));
  }
  return text;
}

std::uint64_t lost(const flow::Ledger& ledger) {
  return std::accumulate(ledger.dropped.begin(), ledger.dropped.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

std::string ledger_words(const flow::Ledger& ledger) {
  std::string text = "complete";
  if (const std::uint64_t count = lost(ledger); count > 0) {
    text = fmt::format("{} lost", human_count(count));
    const char* separator = ": ";
    for (const auto& [reason, dropped] : ledger.dropped) {
      if (dropped == 0) continue;
      text += fmt::format("{}{} {}", separator, printable(reason), human_count(dropped));
      separator = ", ";
    }
  }
  if (ledger.folded > 0) text += fmt::format("; {} folded into coarser flows", human_count(ledger.folded));
  return text;
}

}  // namespace iris::cli
