// SPDX-License-Identifier: Apache-2.0
// The first byte chooses the reader.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>

#include "identity/claims.h"
#include "neighbours/leases.h"
#include "neighbours/netlink_dump.h"

using namespace iris::neighbours;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  constexpr std::size_t kMax = 8;
  switch (data[0] % 6) {
    case 0:
    case 1:
    case 2:
      for (const Lease& lease : parse_leases(static_cast<LeaseFormat>(data[0] % 6), text, 1'893'456'000)) {
        if (!lease.mac.empty() && iris::identity::normal_mac(lease.mac) != lease.mac) std::abort();
        if (!lease.host_name.empty() && clean_host_name(lease.host_name) != lease.host_name) std::abort();
      }
      break;
    case 3: parse_hosts(text); break;
    case 4: {
      std::vector<NeighbourEntry> entries;
      std::uint64_t skipped = 0;
      std::set<iris::base::IpAddress> addresses, gateways;
      parse_neighbours(bytes, 0, kMax, entries, skipped);
      parse_addresses(bytes, 0, kMax, addresses);
      parse_gateways(bytes, 0, kMax, gateways);
      if (entries.size() > kMax || addresses.size() > kMax || gateways.size() > kMax + 1) std::abort();
      break;
    }
    default: {
      iris::identity::Claims claims;
      iris::identity::add_claims(text, claims);
      if (claims.addresses.size() > 16 || claims.hardware_ids.size() > 16) std::abort();
      for (const auto& id : claims.hardware_ids) {
        if (iris::identity::normal_hardware_id(id) != id) std::abort();
      }
    }
  }
  return 0;
}
