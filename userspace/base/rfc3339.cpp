// SPDX-License-Identifier: Apache-2.0
#include "base/rfc3339.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

namespace iris::base {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kMaxSeconds = INT64_MAX / 1'000'000'000 - 1;

/// Takes exactly `count` digits from the front.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::uint64_t> fraction_ns(std::string_view& text) {
  if (!take(text, ".")) return 0;
  std::uint64_t value = 0;
  std::size_t count = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++count > 9) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    text.remove_prefix(1);
  }
  if (count == 0) return std::nullopt;
  for (; count < 9; ++count) value *= 10;
  return value;
}

/// "Z" or "+hh:mm", which must end the text.
std::optional<std::int64_t> offset_seconds(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6) return std::nullopt;
  const bool west = text.front() == '-';
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = digits(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

}  // namespace

std::string format_rfc3339(std::uint64_t wall_ns) {
  const auto clock = static_cast<std::time_t>(wall_ns / kNsPerSecond);
  std::tm parts{};
  gmtime_r(&clock, &parts);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (const auto fraction = wall_ns % kNsPerSecond; fraction != 0) out += fmt::format(".{:09}", fraction);
  out += 'Z';
  return out;
}

std::optional<std::uint64_t> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = digits(text, 2);
  const auto fraction = fraction_ns(text);
  const auto offset = offset_seconds(text);
  if (!second || !fraction || !offset || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;

  using namespace std::chrono;
  const year_month_day date(std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                            std::chrono::day{static_cast<unsigned>(*day)});
  if (!date.ok()) return std::nullopt;
  const std::int64_t seconds = sys_days(date).time_since_epoch().count() * 86'400LL + *hour * 3600 + *minute * 60 +
                               *second - *offset;
  if (seconds < 0 || seconds > kMaxSeconds) return std::nullopt;
  return static_cast<std::uint64_t>(seconds) * kNsPerSecond + *fraction;
}

}  // namespace iris::base
