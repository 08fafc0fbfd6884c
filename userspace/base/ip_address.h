// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace iris::base {

/// An IPv4 or IPv6 address, network byte order. IPv4 is kept as ::ffff:a.b.c.d
/// (RFC 4291 section 2.5.5.2), so that one key type serves both.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  bool is_unspecified() const;
  /// 127.0.0.0/8 or ::1.
  bool is_loopback() const;
  /// Addresses that are not routed on the Internet: RFC 1918, RFC 6598,
  /// link-local, unique local (RFC 4193) and multicast of at most site scope.
  bool is_site_local() const;
  /// "192.0.2.1" or RFC 5952 text for IPv6.
  std::string to_string() const;
  /// Appends to_string() without allocating a string of its own.
  void append_to(std::string& out) const;

  auto operator<=>(const IpAddress&) const = default;
};

struct IpAddressHash {
  std::size_t operator()(const IpAddress& address) const noexcept;
};

/// An address block such as 198.51.100.0/24. A plain address is a block of one.
class Cidr {
 public:
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpAddress network_;
  unsigned prefix_bits_ = 128;  // counted in the 128-bit form
};

}  // namespace iris::base
