// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace iris::notify {

struct SyslogTarget {
  enum class Transport : std::uint8_t { udp, tcp, tls };
  Transport transport = Transport::udp;
  std::string host;  // name or address, without brackets
  std::uint16_t port = 0;

  /// "gw.example:514", "[2001:db8::1]:514".
  std::string host_and_port() const;
};

/// "udp://host:port", "tcp://..." or "tls://...". Kind::usage.
base::Result<SyslogTarget> parse_syslog_target(std::string_view text);

}  // namespace iris::notify
