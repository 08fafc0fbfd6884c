// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace iris::notify {

/// An alert as an event of the Common Event Format, and of it what the header of a
/// syslog message wants to know.
struct CefEvent {
  std::string line;           // "CEF:0|Iris|iris-collector|..." in UTF-8, no line feed in it
  int severity = 3;           // ours, 1..5
  std::uint64_t wall_ns = 0;  // of the last finding; 0: not known
  std::string gateway;        // foreign text; empty: not known
  std::string alert_class;
};

/// `alert`: "type":"alert" of the JSON contract; what is missing in it, or of another
/// type than the contract says, is left out. `max_bytes` of the line: fields that no
/// longer fit are left out, and msg, the last, is cut; at least kMinCefBytes.
/// Kind::usage: no JSON object. CEF:0: IPv6 addresses are in c6a2 and c6a3.
base::Result<CefEvent> to_cef(std::string_view alert, const std::string& product_version, std::size_t max_bytes);

inline constexpr std::size_t kMinCefBytes = 1024;

/// The longest beginning of `text` of at most `max_bytes` with no broken character at its end.
std::string_view cut_utf8(std::string_view text, std::size_t max_bytes);

}  // namespace iris::notify
