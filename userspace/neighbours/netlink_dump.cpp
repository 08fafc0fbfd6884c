// SPDX-License-Identifier: Apache-2.0
#include "neighbours/netlink_dump.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "identity/claims.h"

namespace iris::neighbours {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t aligned(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

template <typename T>
std::optional<T> copy_front(Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

Bytes after(Bytes bytes, std::size_t length) { return bytes.subspan(std::min(length, bytes.size())); }

/// Calls `visit` with the body of each message of `type`.
template <typename Visit>
DumpState for_each(Bytes bytes, std::uint32_t sequence, std::uint16_t type, Visit visit) {
  while (!bytes.empty()) {
    const auto header = copy_front<nlmsghdr>(bytes);
    if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size()) return DumpState::malformed;
    const Bytes body = bytes.subspan(aligned(sizeof(nlmsghdr)), header->nlmsg_len - sizeof(nlmsghdr));
    bytes = after(bytes, aligned(header->nlmsg_len));
    if (header->nlmsg_seq != sequence) continue;  // of a dump that was given up
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) return DumpState::interrupted;
    if (header->nlmsg_type == NLMSG_DONE) return DumpState::done;
    if (header->nlmsg_type == NLMSG_ERROR) return DumpState::failed;
    if (header->nlmsg_type == type) visit(body);
  }
  return DumpState::more;
}

/// The first attribute of `type` behind a fixed part of `fixed` bytes; empty: none.
Bytes attribute(Bytes body, std::size_t fixed, std::uint16_t type) {
  Bytes rest = after(body, aligned(fixed));
  while (const auto header = copy_front<nlattr>(rest)) {
    if (header->nla_len < sizeof(nlattr) || header->nla_len > rest.size()) return {};
    if ((header->nla_type & NLA_TYPE_MASK) == type) return rest.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr));
    rest = after(rest, aligned(header->nla_len));
  }
  return {};
}

std::optional<base::IpAddress> to_address(Bytes bytes, int family) {
  base::IpAddress address;
  if (family == AF_INET && bytes.size() == 4) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, bytes.data(), 4);
    return address;
  }
  if (family == AF_INET6 && bytes.size() == 16) {
    std::memcpy(address.bytes.data(), bytes.data(), 16);
    return address;
  }
  return std::nullopt;
}

std::string to_mac(Bytes bytes) {
  if (bytes.size() != 6) return {};
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const std::byte one : bytes) {
    digits += kDigits[std::to_integer<unsigned>(one) >> 4];
    digits += kDigits[std::to_integer<unsigned>(one) & 15];
  }
  return identity::normal_mac(digits).value_or("");
}

}  // namespace

DumpState parse_neighbours(Bytes datagram, std::uint32_t sequence, std::size_t max, std::vector<NeighbourEntry>& entries,
                           std::uint64_t& skipped) {
  return for_each(datagram, sequence, RTM_NEWNEIGH, [&](Bytes body) {
    const auto fixed = copy_front<ndmsg>(body);
    if (!fixed) return;
    constexpr unsigned kKnown = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
    if ((fixed->ndm_state & kKnown) == 0 || (fixed->ndm_flags & NTF_PROXY) != 0) return;
    const auto address = to_address(attribute(body, sizeof(ndmsg), NDA_DST), fixed->ndm_family);
    if (!address || !identity::can_belong_to_a_device(*address)) return;
    if (entries.size() >= max) {
      ++skipped;
      return;
    }
    NeighbourEntry& entry = entries.emplace_back();
    entry.address = *address;
    entry.mac = to_mac(attribute(body, sizeof(ndmsg), NDA_LLADDR));
    entry.interface_index = static_cast<std::uint32_t>(fixed->ndm_ifindex);
    entry.router = (fixed->ndm_flags & NTF_ROUTER) != 0;
  });
}

DumpState parse_addresses(Bytes datagram, std::uint32_t sequence, std::size_t max, std::set<base::IpAddress>& addresses) {
  return for_each(datagram, sequence, RTM_NEWADDR, [&](Bytes body) {
    const auto fixed = copy_front<ifaddrmsg>(body);
    if (!fixed || addresses.size() >= max) return;
    // On a point-to-point link IFA_ADDRESS is the other end.
    Bytes bytes = attribute(body, sizeof(ifaddrmsg), IFA_LOCAL);
    if (bytes.empty()) bytes = attribute(body, sizeof(ifaddrmsg), IFA_ADDRESS);
    if (const auto address = to_address(bytes, fixed->ifa_family)) addresses.insert(*address);
  });
}

DumpState parse_gateways(Bytes datagram, std::uint32_t sequence, std::size_t max, std::set<base::IpAddress>& gateways) {
  return for_each(datagram, sequence, RTM_NEWROUTE, [&](Bytes body) {
    const auto fixed = copy_front<rtmsg>(body);
    if (!fixed || gateways.size() >= max) return;
    const auto add = [&](Bytes bytes, int family) {
      if (const auto address = to_address(bytes, family)) gateways.insert(*address);
    };
    add(attribute(body, sizeof(rtmsg), RTA_GATEWAY), fixed->rtm_family);
    Bytes hops = attribute(body, sizeof(rtmsg), RTA_MULTIPATH);
    while (const auto hop = copy_front<rtnexthop>(hops)) {
      if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > hops.size()) return;
      add(attribute(hops.first(hop->rtnh_len), sizeof(rtnexthop), RTA_GATEWAY), fixed->rtm_family);
      hops = after(hops, aligned(hop->rtnh_len));
    }
  });
}

}  // namespace iris::neighbours
