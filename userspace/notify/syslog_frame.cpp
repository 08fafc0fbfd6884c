// SPDX-License-Identifier: Apache-2.0
#include "notify/syslog_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "notify/cef.h"

namespace iris::notify {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::size_t kMaxHost = 255;
constexpr std::size_t kMaxMessageId = 32;
constexpr const char* kApplication = "iris";

/// info, low, medium, high, critical are 6 (informational) to 2 (critical).
int syslog_severity(int severity) { return 7 - std::clamp(severity, 1, 5); }

/// Characters that a header field may have: PRINTUSASCII of RFC 5424, no blank.
std::string header_field(std::string_view text, std::size_t max_bytes) {
  std::string field(text.substr(0, max_bytes));
  std::replace_if(field.begin(), field.end(), [](char c) { return c < '!' || c > '~'; }, '_');
  return field.empty() ? "-" : field;
}

std::tm utc(std::uint64_t wall_ns) {
  const auto clock = static_cast<std::time_t>(wall_ns / kNsPerSecond);
  std::tm parts{};
  gmtime_r(&clock, &parts);
  return parts;
}

/// RFC 5424 allows no more than six digits of a fraction.
std::string time_5424(std::uint64_t wall_ns) {
  if (wall_ns == 0) return "-";
  const std::tm parts = utc(wall_ns);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, wall_ns % kNsPerSecond / kNsPerMs);
}

std::string time_3164(std::uint64_t wall_ns) {
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm parts = utc(wall_ns);
  return fmt::format("{} {:2} {:02}:{:02}:{:02}", kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

/// A CEF value ends in no half escape: an odd number of backslashes would escape what follows.
std::string_view without_half_escape(std::string_view text) {
  const auto last = text.find_last_not_of('\\');
  const auto backslashes = text.size() - (last == std::string_view::npos ? 0 : last + 1);
  return text.substr(0, text.size() - backslashes % 2);
}

}  // namespace

std::string syslog_message(SyslogFormat format, const SyslogHeader& header, std::string_view content, std::size_t max_bytes) {
  const int priority = std::clamp(header.facility, 0, 23) * 8 + syslog_severity(header.severity);
  const auto host = header_field(header.host, kMaxHost);
  std::string message = format == SyslogFormat::rfc3164
                            ? fmt::format("<{}>{} {} ", priority, time_3164(header.wall_ns), host)
                            : fmt::format("<{}>1 {} {} {} - {} - ", priority, time_5424(header.wall_ns), host,
                                          kApplication, header_field(header.message_id, kMaxMessageId));
  message += content;
  if (message.size() > max_bytes) message.resize(without_half_escape(cut_utf8(message, max_bytes)).size());
  return message;
}

std::string framed(SyslogFraming framing, std::string_view message) {
  if (framing == SyslogFraming::octet_counting) return fmt::format("{} {}", message.size(), message);
  return fmt::format("{}\n", message);
}

std::optional<int> syslog_facility(std::string_view name) {
  static constexpr std::array<std::string_view, 24> kNames = {
      "kern", "user",     "mail", "daemon", "auth",  "syslog", "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
      "ntp",  "security", "console", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<int>(found - kNames.begin());
}

}  // namespace iris::notify
