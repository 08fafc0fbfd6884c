// SPDX-License-Identifier: Apache-2.0
#include "names.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cctype>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace iris::demo {
namespace {

/// Docker writes a container's own names into /etc/hosts.
bool look_into_hosts(const std::string& name, in_addr& address) {
  std::ifstream hosts("/etc/hosts");
  for (std::string line; std::getline(hosts, line);) {
    std::istringstream words(line);
    std::string text;
    words >> text;
    for (std::string word; words >> word;) {
      if (word == name && ::inet_pton(AF_INET, text.c_str(), &address) == 1) return true;
    }
  }
  return false;
}

}  // namespace

in_addr resolve(const std::string& name) {
  in_addr address{};
  if (::inet_pton(AF_INET, name.c_str(), &address) == 1 || look_into_hosts(name, address)) return address;

  struct __res_state state {};
  if (::res_ninit(&state) != 0) throw std::runtime_error("no name server");
  std::array<unsigned char, 1024> answer{};
  const int size = ::res_nquery(&state, name.c_str(), ns_c_in, ns_t_a, answer.data(), answer.size());
  const int reason = state.res_h_errno;
  ::res_nclose(&state);
  if (size < 0) throw std::runtime_error(name + ": " + ::hstrerror(reason));
  ns_msg message;
  if (::ns_initparse(answer.data(), size, &message) != 0) throw std::runtime_error(name + ": malformed answer");
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (::ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_type(record) == ns_t_a && ns_rr_rdlen(record) == 4) {
      std::memcpy(&address, ns_rr_rdata(record), 4);
      return address;
    }
  }
  throw std::runtime_error(name + ": no address");
}

void serve_names(const std::string& own_address, const std::map<std::string, std::string>& table) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(53);
  local.sin_addr = resolve(own_address);
  if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    throw std::system_error(errno, std::generic_category(), "UDP port 53");
  }
  for (;;) {
    std::array<unsigned char, 1024> packet{};
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    const ssize_t got = ::recvfrom(fd, packet.data(), 512, 0, reinterpret_cast<sockaddr*>(&peer), &peer_size);
    ns_msg message;
    ns_rr question;
    if (got < 0 || ::ns_initparse(packet.data(), static_cast<int>(got), &message) != 0 ||
        ns_msg_count(message, ns_s_qd) != 1 || ::ns_parserr(&message, ns_s_qd, 0, &question) != 0) {
      continue;
    }
    std::string name = ns_rr_name(question);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto entry = table.find(name);

    // The question goes back as it came; what followed it (EDNS) does not.
    std::size_t size = 12;
    while (size < static_cast<std::size_t>(got) && packet[size] != 0) size += packet[size] + 1U;
    size += 5;  // root label, type, class
    if (size > static_cast<std::size_t>(got)) continue;
    packet[2] = 0x84 | (packet[2] & 0x01);                                 // response, authoritative, RD copied
    packet[3] = static_cast<unsigned char>(entry == table.end() ? ns_r_nxdomain : ns_r_noerror);
    std::fill(packet.begin() + 6, packet.begin() + 12, 0);                // no records yet
    if (entry != table.end() && ns_rr_type(question) == ns_t_a) {
      packet[7] = 1;
      const std::array<unsigned char, 12> record{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};  // name, A, IN, TTL 60 s
      std::copy(record.begin(), record.end(), packet.begin() + static_cast<std::ptrdiff_t>(size));
      size += record.size();
      ::inet_pton(AF_INET, entry->second.c_str(), packet.data() + size);
      size += 4;
    }
    ::sendto(fd, packet.data(), size, 0, reinterpret_cast<const sockaddr*>(&peer), peer_size);
  }
}

}  // namespace iris::demo
