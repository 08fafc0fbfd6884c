// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/ip_address.h"
#include "enrich/owner_resolver.h"
#include "flow/records.h"

namespace iris::pipeline {

using AddressSet = std::unordered_set<base::IpAddress, base::IpAddressHash>;

/// Makes one conversation with two owners of what the kernel sees at both ends of
/// traffic between containers of this host.
///
/// The end that opened it tells it, and names the other as `peer_owner`: found by
/// its address, or by the port that the engine publishes for it, whether address
/// translation or the user-land proxy carries it there. The other end's entry, and
/// both of the proxy's, say the same bytes again and are left out. Where the opener
/// is not on this host, the container tells it; behind the proxy, the proxy's
/// outer end does so in the container's name, since only it knows the peer.
class Conversations {
 public:
  using Published = enrich::OwnerResolver::Published;
  struct Lookups {
    std::function<flow::OwnerPtr(const base::IpAddress&, std::uint64_t wall_ns)> owner_of_address;
    std::function<std::optional<Published>(std::uint8_t protocol, const base::IpAddress& host_address,
                                           std::uint16_t host_port, std::uint64_t wall_ns)>
        published;
    std::function<bool(const flow::Owner&)> has_own_network;
  };
  /// Both must outlive this.
  Conversations(const Lookups& lookups, const AddressSet& host_addresses)
      : lookups_(lookups), host_addresses_(host_addresses) {}

  /// Takes note of whose the local address is: a container that lives a moment is gone
  /// before the engine could be asked for its addresses.
  void learn(const flow::FlowRecord& flow);

  /// Sets the peer's owner (and, of a proxied flow, the owner). False: another flow
  /// tells this conversation.
  bool conclude(flow::FlowRecord& flow) const;

 private:
  struct Learnt {
    flow::OwnerPtr owner;
    std::uint64_t since_wall_ns = 0;  // its first flow
    std::uint64_t until_wall_ns = 0;
  };
  static constexpr std::size_t kMaxLearnt = 1024;   // addresses
  static constexpr std::size_t kMaxOwnersOfOne = 4;  // one after the other, the newest last

  void forget_old();
  flow::OwnerPtr owner_of_address(const base::IpAddress& address, std::uint64_t wall_ns) const;
  bool is_this_host(const base::IpAddress& address, const flow::Owner& seen_from) const;
  std::optional<Published> published_at(const flow::FlowRecord& flow, const base::IpAddress& address) const;
  bool conclude_originator(flow::FlowRecord& flow) const;
  bool conclude_responder(flow::FlowRecord& flow) const;

  const Lookups& lookups_;
  const AddressSet& host_addresses_;
  std::unordered_map<base::IpAddress, std::vector<Learnt>, base::IpAddressHash> learnt_;
  std::uint64_t now_wall_ns_ = 0;  // end of the newest window
};

}  // namespace iris::pipeline
