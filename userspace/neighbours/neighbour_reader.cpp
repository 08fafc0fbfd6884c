// SPDX-License-Identifier: Apache-2.0
#include "neighbours/neighbour_reader.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace iris::neighbours {
namespace {

constexpr std::size_t kMaxBytes = 8U << 20;
constexpr std::size_t kMaxAddresses = 4096;
constexpr std::size_t kMaxGateways = 1024;
constexpr int kTries = 3;

class Netlink {
 public:
  base::Result<void> open() {
    fd_.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd_) return base::fail_errno("cannot open a netlink socket", errno);
    // The kernel answers at once; this is for one that does not.
    const timeval patience{.tv_sec = 0, .tv_usec = 500'000};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      return base::fail_errno("cannot bind a netlink socket", errno);
    }
    return {};
  }

  /// Calls `parse(datagram, sequence)` until the dump is done; begins anew, after
  /// `restart()`, when the table changed meanwhile.
  template <typename Restart, typename Parse>
  base::Result<void> dump(std::uint16_t type, std::size_t fixed, const char* what, Restart restart, Parse parse) {
    for (int i = 0; i < kTries; ++i) {
      restart();
      const auto state = ask(type, fixed, parse);
      if (!state) return base::with_context(std::string("cannot read ") + what, state.error());
      if (*state == DumpState::done) return {};
      if (*state != DumpState::interrupted) return base::fail(std::string("the kernel refused to list ") + what);
    }
    return {};  // it keeps changing: what was read last is true enough
  }

 private:
  template <typename Parse>
  base::Result<DumpState> ask(std::uint16_t type, std::size_t fixed, Parse parse) {
    // The fixed part stays zero: every family, every interface.
    alignas(nlmsghdr) std::array<char, 64> request{};
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_HDRLEN + fixed);
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.nlmsg_seq = ++sequence_;
    std::memcpy(request.data(), &header, sizeof header);
    if (send(fd_.get(), request.data(), header.nlmsg_len, 0) < 0) return base::fail_errno("netlink", errno);
    std::size_t total = 0;
    std::array<std::byte, 32U << 10> buffer;  // as the kernel builds them at most
    while (total < kMaxBytes) {
      sockaddr_nl from{};
      socklen_t length = sizeof from;
      const ssize_t got = recvfrom(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &length);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return base::fail_errno("netlink", errno);
      if (from.nl_pid != 0) continue;  // not the kernel
      if (static_cast<std::size_t>(got) > buffer.size()) return DumpState::malformed;
      total += static_cast<std::size_t>(got);
      const DumpState state = parse(std::span<const std::byte>(buffer.data(), static_cast<std::size_t>(got)), sequence_);
      if (state != DumpState::more) return state;
    }
    fd_.reset();  // the rest would be taken for the next answer
    if (const auto opened = open(); !opened) return tl::unexpected(opened.error());
    return DumpState::done;
  }

  base::UniqueFd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace

base::Result<void> read_kernel(Observation& seen, std::size_t max, std::uint64_t& skipped) {
  Netlink netlink;
  if (const auto opened = netlink.open(); !opened) return opened;
  auto read = netlink.dump(
      RTM_GETNEIGH, sizeof(ndmsg), "the neighbour table",
      [&] { seen.neighbours.clear(), skipped = 0; },
      [&](auto bytes, auto sequence) { return parse_neighbours(bytes, sequence, max, seen.neighbours, skipped); });
  if (!read) return read;
  read = netlink.dump(
      RTM_GETADDR, sizeof(ifaddrmsg), "own addresses", [&] { seen.own_addresses.clear(); },
      [&](auto bytes, auto sequence) { return parse_addresses(bytes, sequence, kMaxAddresses, seen.own_addresses); });
  if (!read) return read;
  read = netlink.dump(
      RTM_GETROUTE, sizeof(rtmsg), "routes", [&] { seen.gateways.clear(); },
      [&](auto bytes, auto sequence) { return parse_gateways(bytes, sequence, kMaxGateways, seen.gateways); });
  if (!read) return read;
  for (const NeighbourEntry& entry : seen.neighbours) {
    if (seen.interfaces.contains(entry.interface_index)) continue;
    std::array<char, IF_NAMESIZE> name{};
    if (if_indextoname(entry.interface_index, name.data()) != nullptr) seen.interfaces[entry.interface_index] = name.data();
  }
  return {};
}

base::Result<std::string> read_file(const std::string& path) {
  // A fifo would block, a device never end.
  const base::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::string();
  if (!fd) return base::fail_errno("cannot read " + path, errno, base::Error::Kind::permission);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return base::fail(path + " is not a file");
  std::string text;
  std::array<char, 16U << 10> buffer;
  for (;;) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno("cannot read " + path, errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxBytes) return base::fail(path + " has more than 8 MiB: not read");
  }
}

}  // namespace iris::neighbours
