// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace iris::neighbours::test {

using Datagram = std::vector<std::byte>;

inline constexpr std::uint32_t kSequence = 7;

template <typename T>
void put(Datagram& to, const T& value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof value);
  std::memcpy(to.data() + at, &value, sizeof value);
}

/// Builds one message of rtnetlink.
class Message {
 public:
  template <typename T>
  Message(std::uint16_t type, const T& fixed) {
    header_.nlmsg_type = type;
    header_.nlmsg_seq = kSequence;
    header_.nlmsg_flags = NLM_F_MULTI;
    put(body_, fixed);
    pad();
  }
  Message& attribute(std::uint16_t type, const std::vector<unsigned char>& value) {
    put(body_, nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type});
    for (const unsigned char one : value) body_.push_back(std::byte{one});
    pad();
    return *this;
  }
  Message& address(std::uint16_t type, const std::string& text) {
    const auto ip = *base::IpAddress::parse(text);
    return attribute(type, {ip.bytes.begin() + (ip.is_v4() ? 12 : 0), ip.bytes.end()});
  }
  Message& sequence(std::uint32_t number) { header_.nlmsg_seq = number; return *this; }
  Message& flags(std::uint16_t bits) { header_.nlmsg_flags = bits; return *this; }
  const Datagram& body() const { return body_; }

  Datagram bytes() const {
    Datagram all;
    nlmsghdr header = header_;
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body_.size());
    put(all, header);
    all.insert(all.end(), body_.begin(), body_.end());
    return all;
  }

 private:
  void pad() { body_.resize((body_.size() + 3) & ~std::size_t{3}); }
  nlmsghdr header_{};
  Datagram body_;
};

inline Message neighbour(const std::string& ip, std::uint16_t state = NUD_REACHABLE, std::uint8_t flags = 0, int interface = 3) {
  ndmsg fixed{};
  fixed.ndm_family = base::IpAddress::parse(ip)->is_v4() ? AF_INET : AF_INET6;
  fixed.ndm_ifindex = interface;
  fixed.ndm_state = state;
  fixed.ndm_flags = flags;
  return Message(RTM_NEWNEIGH, fixed).address(NDA_DST, ip);
}
inline Message with_mac(Message message, unsigned char last) {
  return message.attribute(NDA_LLADDR, {0x00, 0x1b, 0x44, 0x11, 0x3a, last});
}
inline Message done() { return Message(NLMSG_DONE, int{0}); }

inline Datagram operator+(Datagram left, const Datagram& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

}  // namespace iris::neighbours::test
