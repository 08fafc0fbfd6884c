// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Syslog messages as bytes: RFC 5424, or RFC 3164 as old readers want it.
namespace iris::notify {

enum class SyslogFormat : std::uint8_t { rfc5424, rfc3164 };
/// How a message ends in a stream: its length in front (RFC 6587, 5425), or a line feed behind.
enum class SyslogFraming : std::uint8_t { octet_counting, newline };

struct SyslogHeader {
  int facility = 16;          // 0..23; 16 is local0
  int severity = 3;           // ours, 1..5
  std::uint64_t wall_ns = 0;  // written in UTC, in RFC 3164, too, which has no place for a zone
  std::string host;           // foreign text; empty: not known
  std::string message_id;     // RFC 5424 only
};

/// What a receiver of datagrams should take (RFC 5426), and one of streams (RFC 5425).
inline constexpr std::size_t kMaxDatagramBytes = 2048;
inline constexpr std::size_t kMaxStreamMessageBytes = 8192;
/// No header is longer.
inline constexpr std::size_t kMaxSyslogHeaderBytes = 384;

/// Header and `content`; `content` must hold no line feed. Longer than `max_bytes`: the
/// end is cut off, in whole characters and whole escapes.
std::string syslog_message(SyslogFormat format, const SyslogHeader& header, std::string_view content, std::size_t max_bytes);

/// As it goes into a stream.
std::string framed(SyslogFraming framing, std::string_view message);

/// Of "kern", "local0" ...; none of anything else.
std::optional<int> syslog_facility(std::string_view name);

}  // namespace iris::notify
