// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "detect/alert.h"
#include "profile/observation.h"

namespace iris::detect {

/// Peers, ports and programs that are a bad sign wherever they turn up. One entry a
/// line, '#' starts a comment:
///
///     port tcp 23 external high telnet           # protocol, port or FROM-TO, external|any, severity, why
///     address 203.0.113.0/24 high botnet server
///     name example.org medium mining pool        # the domain and what is below it
///     process xmrig high miner                   # base name of the executable
class RiskyList {
 public:
  struct Hit {
    Severity severity = Severity::medium;
    std::string reason;  };

  /// Names every faulty line at once. At most 100,000 entries.
  static base::Result<RiskyList> parse(std::string_view text);
  /// The list that ships: ports without business on an IoT gateway, tools of intruders.
  static const RiskyList& builtin();

  /// This list, and behind it the other: of two entries for the same this one's counts.
  RiskyList with(const RiskyList& other) const;

  /// The peer itself, by its address or a name: however well it is known otherwise.
  const Hit* match_peer(const profile::Observation& seen, const std::vector<std::string>& names) const;
  /// The same, or else the port.
  const Hit* match(const profile::Observation& seen, const std::vector<std::string>& names) const;
  const Hit* match_process(std::string_view executable) const;

 private:
  struct PortEntry {
    std::uint8_t protocol;
    std::uint16_t from;
    std::uint16_t to;
    bool external_only;
    Hit hit;
  };
  struct AddressEntry {
    base::Cidr block;
    Hit hit;
  };
  struct TextEntry {
    std::string text;
    Hit hit;
  };

  bool add_line(std::string_view line);
  void sort();

  std::vector<PortEntry> ports_;
  std::vector<AddressEntry> blocks_;                        // few: looked through
  std::vector<std::pair<base::IpAddress, Hit>> addresses_;  // many: sorted
  std::vector<TextEntry> names_;                            // sorted
  std::vector<TextEntry> processes_;                        // sorted
};

}  // namespace iris::detect
