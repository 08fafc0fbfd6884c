// SPDX-License-Identifier: Apache-2.0
// UDP with and without connect(), and ICMP, byte for byte.
#include <gtest/gtest.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

std::vector<Json> of_protocol(const std::vector<Json>& lines, std::uint64_t owner, const std::string& protocol) {
  std::vector<Json> found;
  for (const Json& flow : of_type(lines, "flow", owner)) {
    if (flow.at("protocol") == protocol) found.push_back(flow);
  }
  return found;
}

void expect_role(const std::vector<Json>& flows, const std::string& role) {
  EXPECT_FALSE(flows.empty());
  for (const Json& flow : flows) EXPECT_EQ(flow.at("role"), role) << flow;
}

TEST(Udp, PairsAreCountedByOwnerAndRole) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-udp-serving");
  const ScratchCgroup plain("iris-udp-plain");
  const ScratchCgroup connected("iris-udp-connected");
  Trace trace({"flows", "--window", "1"});
  Load server({"udp-server", "--listen", "127.0.0.1:9000", "--listen", "[::1]:9000"}, {net.fd(), serving.path()});
  server.ready();
  Load first({"udp", "--to", "127.0.0.1:9000", "--to", "[::1]:9000", "--pairs", "30001", "--size", "700", "--threads", "2"},
             {net.fd(), plain.path()});
  Load second({"udp", "--connected", "--to", "127.0.0.1:9000", "--pairs", "20000", "--size", "1"},
              {net.fd(), connected.path()});
  const Json first_truth = first.truth();
  const Json second_truth = second.truth();
  const Json served = server.truth(true);
  const auto lines = trace.stop();

  EXPECT_EQ(ledger_faults(lines), "");
  EXPECT_EQ(first_truth["datagrams_sent"], 30'001);
  EXPECT_EQ(second_truth["datagrams_received"], 20'000);
  for (const auto& [owner, truth] : {std::pair{plain.id(), first_truth}, std::pair{connected.id(), second_truth}}) {
    SCOPED_TRACE(truth.dump());
    const auto flows = of_protocol(lines, owner, "udp");
    expect_role(flows, "originator");
    EXPECT_EQ(sum_of(flows, "originator_packets"), truth["datagrams_sent"]);
    EXPECT_EQ(sum_of(flows, "responder_packets"), truth["datagrams_received"]);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), truth["bytes_sent"]);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), truth["bytes_received"]);
    for (const Json& flow : flows) EXPECT_EQ(flow["service_port"], 9000) << flow;
  }
  SCOPED_TRACE(served.dump());
  const auto flows = of_protocol(lines, serving.id(), "udp");
  expect_role(flows, "responder");
  EXPECT_EQ(sum_of(flows, "originator_packets"), served["datagrams_received"]);
  EXPECT_EQ(sum_of(flows, "responder_packets"), served["datagrams_sent"]);
  EXPECT_EQ(sum_of(flows, "originator_bytes"), served["bytes_received"]);
  EXPECT_EQ(sum_of(flows, "responder_bytes"), served["bytes_sent"]);
}

// As Docker's name server stands behind 127.0.0.11:53.
TEST(Udp, AnExchangeBehindAddressTranslationIsTheOpeners) {
  const NetNamespace net;
  net.shell("iptables -t nat -A OUTPUT -d 127.0.0.11 -p udp --dport 9053 -j DNAT --to-destination 127.0.0.11:9000");
  const ScratchCgroup serving("iris-nat-serving");
  const ScratchCgroup plain("iris-nat-plain");
  const ScratchCgroup connected("iris-nat-connected");
  Trace trace({"flows", "--window", "1"});
  Load server({"udp-server", "--listen", "127.0.0.11:9000"}, {net.fd(), serving.path()});
  server.ready();
  Load first({"udp", "--to", "127.0.0.11:9053", "--pairs", "100"}, {net.fd(), plain.path()});
  Load second({"udp", "--connected", "--to", "127.0.0.11:9053", "--pairs", "100"}, {net.fd(), connected.path()});
  EXPECT_EQ(first.truth()["datagrams_received"], 100);
  EXPECT_EQ(second.truth()["datagrams_received"], 100);
  server.truth(true);
  const auto lines = trace.stop();

  const auto told = [&lines](const ScratchCgroup& group, const std::string& role) {
    const auto flows = of_protocol(lines, group.id(), "udp");
    expect_role(flows, role);
    return flows;
  };
  for (const ScratchCgroup* group : {&plain, &connected}) {
    const auto flows = told(*group, "originator");
    EXPECT_EQ(sum_of(flows, "originator_packets"), 100U);
    EXPECT_EQ(sum_of(flows, "responder_packets"), 100U);
    EXPECT_EQ(sum_of(flows, "opened"), 1U);
    // The socket without a peer sends to the one port and hears from the other.
    for (const Json& flow : flows) {
      EXPECT_TRUE(flow["service_port"] == 9053 || (group == &plain && flow["service_port"] == 9000)) << flow;
    }
  }
  const auto served = told(serving, "responder");
  EXPECT_EQ(sum_of(served, "originator_packets"), 200U);
  EXPECT_EQ(sum_of(served, "responder_packets"), 200U);
  for (const Json& flow : served) EXPECT_EQ(flow["service_port"], 9000) << flow;
}

constexpr int kPings = 50;
constexpr std::size_t kPingBytes = 64;

int ping_v4_raw() {
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
  // Loopback brings the request by, too; only the answer is ours.
  icmp_filter only_answers{~(1U << ICMP_ECHOREPLY)};
  if (fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &only_answers, sizeof only_answers) != 0) return 1;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < kPings; ++i) {
    std::array<unsigned char, kPingBytes> packet{};
    icmphdr header{};
    header.type = ICMP_ECHO;
    header.un.echo.sequence = htons(static_cast<std::uint16_t>(i));
    std::memcpy(packet.data(), &header, sizeof header);
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < packet.size(); at += 2) sum += static_cast<std::uint32_t>(packet[at] << 8 | packet[at + 1]);
    sum = (sum >> 16) + (sum & 0xffff);
    header.checksum = htons(static_cast<std::uint16_t>(~(sum + (sum >> 16))));
    std::memcpy(packet.data(), &header, sizeof header);
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    if (sendto(fd, packet.data(), packet.size(), 0, address, sizeof to) != static_cast<ssize_t>(kPingBytes)) return 2;
    if (recv(fd, packet.data(), packet.size(), 0) <= 0) return 3;
  }
  return 0;
}

int ping_v6_socket() {
  const int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  if (fd < 0) return 1;
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = in6addr_loopback;
  for (int i = 0; i < kPings; ++i) {
    std::array<unsigned char, kPingBytes> packet{};
    packet[0] = ICMP6_ECHO_REQUEST;
    packet[7] = static_cast<unsigned char>(i);
    const auto* address = reinterpret_cast<const sockaddr*>(&to);
    if (sendto(fd, packet.data(), packet.size(), 0, address, sizeof to) != static_cast<ssize_t>(kPingBytes)) return 2;
    if (recv(fd, packet.data(), packet.size(), 0) <= 0) return 3;
  }
  return 0;
}

TEST(Udp, IcmpIsCountedByOwner) {
  const NetNamespace net;
  net.shell("echo '0 0' > /proc/sys/net/ipv4/ping_group_range");
  const ScratchCgroup raw("iris-icmp-raw");
  const ScratchCgroup datagram("iris-icmp-datagram");
  Trace trace({"flows", "--window", "1"});
  EXPECT_EQ(Child(ping_v4_raw, Place{net.fd(), raw.path()}).wait(), 0);
  EXPECT_EQ(Child(ping_v6_socket, Place{net.fd(), datagram.path()}).wait(), 0);
  const auto lines = trace.stop();

  EXPECT_EQ(ledger_faults(lines), "");
  for (const auto& [owner, protocol, peer] :
       {std::tuple{raw.id(), "icmp", "127.0.0.1"}, std::tuple{datagram.id(), "ipv6-icmp", "::1"}}) {
    SCOPED_TRACE(protocol);
    const auto flows = of_protocol(lines, owner, protocol);
    EXPECT_EQ(flows.size(), of_type(lines, "flow", owner).size());
    expect_role(flows, "originator");
    for (const Json& flow : flows) {
      EXPECT_EQ(flow["peer_address"], peer) << flow;
      EXPECT_TRUE(flow["service_port"].is_null()) << flow;
    }
    EXPECT_EQ(sum_of(flows, "originator_packets"), kPings);
    EXPECT_EQ(sum_of(flows, "responder_packets"), kPings);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), kPings * kPingBytes);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), kPings * kPingBytes);
  }
}

}  // namespace
}  // namespace iris::test
