// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/ip_address.h"

/// What the kernel answers to dumps of rtnetlink (rtnetlink(7), linux/neighbour.h,
/// linux/if_addr.h, linux/rtnetlink.h). Pure; reads any bytes without harm. Fields are
/// copied out of the buffer, which need not be aligned. libmnl would be one more
/// library on the gateway for three messages.
namespace iris::neighbours {

enum class DumpState : std::uint8_t {
  more,         // the next datagram goes on
  done,         // the dump is complete
  interrupted,  // the table changed meanwhile: ask again
  failed,       // the kernel answered with an error
  malformed,    // not what the kernel writes
};

struct NeighbourEntry {
  base::IpAddress address;
  std::string mac;  // "00:1b:..", empty where a link has none, or one of another length
  std::uint32_t interface_index = 0;
  bool router = false;

  friend bool operator==(const NeighbourEntry&, const NeighbourEntry&) = default;
};

/// Adds the neighbours of one datagram that answers to `sequence`, up to `max` in all;
/// `skipped` counts those beyond. Left out: entries that failed or were never answered,
/// those without resolution (NOARP), proxies, and what is no address of one host.
DumpState parse_neighbours(std::span<const std::byte> datagram, std::uint32_t sequence, std::size_t max,
                           std::vector<NeighbourEntry>& entries, std::uint64_t& skipped);

/// Adds this host's own addresses.
DumpState parse_addresses(std::span<const std::byte> datagram, std::uint32_t sequence, std::size_t max,
                          std::set<base::IpAddress>& addresses);

/// Adds the next hops of routes: these hosts are routers.
DumpState parse_gateways(std::span<const std::byte> datagram, std::uint32_t sequence, std::size_t max,
                         std::set<base::IpAddress>& gateways);

}  // namespace iris::neighbours
