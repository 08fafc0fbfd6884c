// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

/// Files of DHCP servers on the gateway. Pure; any text is read without harm, and
/// what cannot be understood is left out.
namespace iris::neighbours {

struct Lease {
  base::IpAddress address;
  std::string mac;        // "00:1b:..", or empty
  std::string host_name;  // as the host calls itself; letters, digits and "-._", up to 253

  friend bool operator==(const Lease&, const Lease&) = default;
};

enum class LeaseFormat : std::uint8_t { dnsmasq, isc_dhcpd, kea };

/// The leases that run at `now_s` (Unix seconds), each address once, in order of
/// address. Of several entries for one address the last stands.
///   dnsmasq:   "EXPIRY MAC ADDRESS NAME CLIENT-ID" a line (dnsmasq(8), --dhcp-leasefile)
///   isc_dhcpd: dhcpd.leases(5), the "lease" blocks
///   kea:       the CSV file of its memfile back end, for IPv4 and IPv6, columns by their heading
std::vector<Lease> parse_leases(LeaseFormat format, std::string_view text, std::int64_t now_s);

struct HostName {
  base::IpAddress address;
  std::string name;

  friend bool operator==(const HostName&, const HostName&) = default;
};

/// A hosts(5) file: of each line the first name.
std::vector<HostName> parse_hosts(std::string_view text);

/// `name` if it is a host name, else empty.
std::string clean_host_name(std::string_view name);

}  // namespace iris::neighbours
