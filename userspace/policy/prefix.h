// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace iris::policy {

/// A block of addresses. The bits behind the prefix are zero.
struct Prefix {
  base::IpAddress address;
  unsigned bits = 128;  // of the 128-bit form: an IPv4 address has 96 to 128

  /// "198.51.100.0/24", a plain address, or the same of IPv6.
  static std::optional<Prefix> parse(std::string_view text);

  bool is_v4() const { return bits >= 96 && address.is_v4(); }
  bool contains(const base::IpAddress& other) const;
  /// "198.51.100.7" for one address, else with "/24".
  std::string to_string() const;
  /// Always with "/32".
  std::string to_cidr() const;

  auto operator<=>(const Prefix&) const = default;
};

/// Sorted, without overlaps, halves of one block joined: the same addresses in as few
/// blocks as there can be. (nftables refuses overlaps in sets of concatenations.)
std::vector<Prefix> merge(std::vector<Prefix> prefixes);

}  // namespace iris::policy
