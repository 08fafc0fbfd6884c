// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "identity/evidence.h"
#include "neighbours/leases.h"
#include "neighbours/netlink_dump.h"

namespace iris::neighbours {

/// What was read at one time.
struct Observation {
  std::vector<NeighbourEntry> neighbours;
  std::map<std::uint32_t, std::string> interfaces;  // names by index
  std::set<base::IpAddress> own_addresses;
  std::set<base::IpAddress> gateways;
  std::vector<Lease> leases;
  std::vector<HostName> host_names;
};

/// "docker0", "br-" and 12 hexadecimal digits, "veth..", "cni..", "podman..":
/// behind these are containers of this host, not devices.
bool is_container_interface(const std::string& name);

/// Observations to evidence. Pure but for what it remembers: the kernel drops
/// neighbours that were silent for minutes, and a device is not gone because of that.
class HostMemory {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// A host stays for `keep` after it was last seen; of more than `max_hosts` the
  /// longest silent go first, and those seen now in order of their address.
  HostMemory(std::size_t max_hosts, std::chrono::seconds keep) : max_hosts_(max_hosts), keep_(keep) {}

  struct Result {
    std::vector<identity::Evidence> evidence;  // in an order that depends on the hosts alone
    std::uint64_t skipped = 0;                 // hosts and addresses beyond the bounds
    std::size_t hosts = 0;
  };

  /// All hosts. One piece of evidence a host and source; at most 32 addresses each.
  /// `configuration` tells {"interface","router"} or {"host_name"}. Own
  /// addresses and containers are left out; host names are told of hosts that
  /// were seen or have a lease, no others.
  Result add(const Observation& seen, Time now);

 private:
  struct Host {
    std::map<base::IpAddress, Time> addresses;
    std::string interface;
    bool router = false;
    Time seen;
  };
  /// MAC, or address where there is none; and the interface.
  using Key = std::pair<std::string, std::string>;

  void see(const Observation& seen, Time now);
  void forget(Time now, Result& result);

  std::size_t max_hosts_;
  std::chrono::seconds keep_;
  std::map<Key, Host> hosts_;
  std::uint64_t skipped_now_ = 0;
};

}  // namespace iris::neighbours
