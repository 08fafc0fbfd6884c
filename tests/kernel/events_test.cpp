// SPDX-License-Identifier: Apache-2.0
// One connection, event by event.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

constexpr int kHoldMs = 150;
constexpr std::size_t kRequestBytes = 1000;
constexpr std::size_t kReplyBytes = 2345;

sockaddr_in6 v4_or_v6(bool v6, std::uint16_t port, socklen_t& length) {
  sockaddr_in6 storage{};
  if (v6) {
    storage.sin6_family = AF_INET6;
    storage.sin6_port = htons(port);
    storage.sin6_addr = in6addr_loopback;
    length = sizeof(sockaddr_in6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    length = sizeof(sockaddr_in);
  }
  return storage;
}

/// Says its local port, and how long the connection was open, in microseconds.
int one_connection(bool v6) {
  prctl(PR_SET_NAME, "iris-one");
  socklen_t length = 0;
  sockaddr_in6 to = v4_or_v6(v6, 8080, length);
  const int fd = socket(to.sin6_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto begin = std::chrono::steady_clock::now();
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), length) != 0) return 1;
  std::array<char, 4096> buffer{};
  if (send(fd, buffer.data(), kRequestBytes, 0) != static_cast<ssize_t>(kRequestBytes)) return 2;
  if (recv(fd, buffer.data(), kReplyBytes, MSG_WAITALL) != static_cast<ssize_t>(kReplyBytes)) return 3;
  std::this_thread::sleep_for(std::chrono::milliseconds(kHoldMs));
  sockaddr_in6 local{};
  length = sizeof local;
  getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length);
  // Our FIN, theirs, then the end: so that the whole of it lies within our own measure.
  shutdown(fd, SHUT_WR);
  if (recv(fd, buffer.data(), buffer.size(), 0) != 0) return 4;
  close(fd);
  const auto open_us = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%d %lld\n", ntohs(local.sin6_port), static_cast<long long>(open_us));
  return 0;
}

class Events : public testing::Test {
 protected:
  /// Lines of these two owners, in the order of their times.
  std::vector<Json> ours(const std::vector<Json>& lines) const {
    std::vector<Json> found;
    for (const Json& line : lines) {
      if (line["type"] == "ledger" || !line["owner"].is_object()) continue;
      if (line["owner"]["id"] == serving_.id() || line["owner"]["id"] == calling_.id()) found.push_back(line);
    }
    std::stable_sort(found.begin(), found.end(), [](const Json& a, const Json& b) { return a["time"] < b["time"]; });
    return found;
  }

  NetNamespace net_;
  ScratchCgroup serving_{"iris-events-serving"};
  ScratchCgroup calling_{"iris-events-calling"};
};

class OneConnection : public Events, public testing::WithParamInterface<bool> {};

TEST_P(OneConnection, FromListenToClose) {
  const bool v6 = GetParam();
  const std::string address = v6 ? "::1" : "127.0.0.1";
  Trace trace({"events"});
  Load server({"tcp-server", "--listen", v6 ? "[::1]:8080" : "127.0.0.1:8080", "--request", std::to_string(kRequestBytes),
               "--reply", std::to_string(kReplyBytes)},
              {net_.fd(), serving_.path()});
  server.ready();
  const pid_t server_pid = server.pid();
  Child client([v6] { return one_connection(v6); }, {net_.fd(), calling_.path()});
  ASSERT_EQ(client.wait(), 0) << client.err();
  std::istringstream said(client.out());
  int client_port = 0;
  std::uint64_t open_us = 0;
  said >> client_port >> open_us;
  server.truth(true);
  const auto lines = trace.stop();
  EXPECT_EQ(ledger_faults(lines), "");

  const auto events = ours(lines);
  std::vector<std::string> types;
  for (const Json& event : events) types.push_back(event["type"]);
  ASSERT_EQ(types, (std::vector<std::string>{"listen", "connect", "established", "accept", "close", "close"}));

  const Json& listen = events[0];
  EXPECT_EQ(listen["owner"]["id"], serving_.id());
  EXPECT_EQ(listen["pid"], server_pid);
  EXPECT_EQ(listen["process"], "iris-load");
  EXPECT_EQ(listen["local_address"], address);
  EXPECT_EQ(listen["local_port"], 8080);
  EXPECT_TRUE(listen["peer_address"].is_null());
  EXPECT_EQ(listen["role"], "responder");

  int closes_of_client = 0;
  for (std::size_t i = 1; i < events.size(); ++i) {
    const Json& event = events[i];
    SCOPED_TRACE(event.dump());
    const bool at_client = event["owner"]["id"] == calling_.id();
    const bool has_local_port = event["type"] != "connect" || !event["local_port"].is_null();
    EXPECT_EQ(event["protocol"], "tcp");
    EXPECT_EQ(event["pid"], at_client ? client.pid() : server_pid);
    EXPECT_EQ(event["process"], at_client ? "iris-one" : "iris-load");
    EXPECT_EQ(event["role"], at_client ? "originator" : "responder");
    EXPECT_EQ(event["peer_address"], address);
    EXPECT_EQ(event["peer_port"], at_client ? 8080 : client_port);
    if (has_local_port) {
      EXPECT_EQ(event["local_port"], at_client ? client_port : 8080);
    }
    if (event["type"] != "connect") {
      EXPECT_EQ(event["local_address"], address);
    }
    if (event["type"] == "accept") {
      EXPECT_FALSE(at_client);
    }
    if (event["type"] == "established" || event["type"] == "connect") {
      EXPECT_TRUE(at_client);
    }
    EXPECT_FALSE(event.contains("reason"));
    if (event["type"] != "close") continue;
    closes_of_client += at_client ? 1 : 0;
    EXPECT_EQ(event["originator_bytes"], kRequestBytes);
    EXPECT_EQ(event["responder_bytes"], kReplyBytes);
    EXPECT_EQ(event["conn_state"], "SF");
    EXPECT_GE(event["duration_us"], kHoldMs * 1000);
    EXPECT_LE(event["duration_us"], open_us + 1000);
  }
  EXPECT_EQ(closes_of_client, 1);
}

INSTANTIATE_TEST_SUITE_P(, OneConnection, testing::Bool(), [](const auto& one) { return one.param ? "v6" : "v4"; });

TEST_F(Events, FailuresSayTheirReason) {
  net_.add_black_hole();
  Trace trace({"events"});
  Load resetter({"tcp-server", "--reset", "--listen", "127.0.0.1:8081"}, {net_.fd(), serving_.path()});
  resetter.ready();
  const auto make = [this](std::vector<std::string> arguments) {
    Load load(std::move(arguments), {net_.fd(), calling_.path()});
    load.truth();
    return load.pid();
  };
  struct Expected {
    pid_t pid;
    std::vector<std::string> types;
    const char* reason;
    std::string peer;
    int port;
  };
  std::vector<Expected> all;
  all.push_back({make({"refused", "--to", "127.0.0.1:1"}), {"connect", "failed"}, "refused", "127.0.0.1", 1});
  all.push_back({make({"refused", "--to", "[::1]:1"}), {"connect", "failed"}, "refused", "::1", 1});
  all.push_back({make({"timeout", "--to", "198.51.100.7:80"}), {"connect", "failed"}, "timed_out", "198.51.100.7", 80});
  // No SYN left: the attempt is all there was.
  all.push_back({make({"unreachable", "--to", "203.0.113.9"}), {"failed"}, "unreachable", "203.0.113.9", 9});
  all.push_back({make({"unreachable", "--to", "2001:db8:2::9"}), {"failed"}, "unreachable", "2001:db8:2::9", 9});
  all.push_back({make({"reset", "--to", "127.0.0.1:8081"}), {"connect", "established", "close"}, "reset", "127.0.0.1", 8081});
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // the walk that finds attempts comes each second
  resetter.truth(true);
  const auto lines = trace.stop();
  EXPECT_EQ(ledger_faults(lines), "");

  for (const Expected& expected : all) {
    SCOPED_TRACE(expected.peer + " " + expected.reason);
    std::vector<std::string> types;
    Json last;
    for (const Json& event : ours(lines)) {
      if (event["pid"] != expected.pid) continue;
      types.push_back(event["type"]);
      last = event;
      EXPECT_EQ(event["owner"]["id"], calling_.id());
      EXPECT_EQ(event["process"], "iris-load");
      EXPECT_EQ(event["role"], "originator");
      EXPECT_EQ(event["peer_address"], expected.peer);
      EXPECT_EQ(event["peer_port"], expected.port);
    }
    EXPECT_EQ(types, expected.types);
    if (last.is_null()) continue;
    EXPECT_EQ(last["reason"], expected.reason) << last;
    if (last["type"] == "close") {
      EXPECT_EQ(last["conn_state"], "RSTR") << last;
    }
  }
}

TEST_F(Events, UdpPeersAreTold) {
  Trace trace({"events"});
  Load server({"udp-server", "--listen", "127.0.0.1:9000"}, {net_.fd(), serving_.path()});
  server.ready();
  Load client({"udp", "--to", "127.0.0.1:9000", "--pairs", "100"}, {net_.fd(), calling_.path()});
  client.truth();
  server.truth(true);
  const auto lines = trace.stop();
  EXPECT_EQ(ledger_faults(lines), "");
  // The first packet between two ends is told, the other hundreds are not.
  const auto sent = of_type(lines, "udp", calling_.id());
  const auto received = of_type(lines, "udp", serving_.id());
  ASSERT_EQ(sent.size(), 1U);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(sent[0]["role"], "originator");
  EXPECT_EQ(sent[0]["peer_port"], 9000);
  EXPECT_EQ(sent[0]["pid"], client.pid());
  EXPECT_EQ(sent[0]["process"], "iris-load");
  EXPECT_EQ(received[0]["role"], "responder");
  EXPECT_EQ(received[0]["local_port"], 9000);
  EXPECT_EQ(received[0]["peer_port"], sent[0]["local_port"]);
  EXPECT_EQ(received[0]["pid"], server.pid());
}

}  // namespace
}  // namespace iris::test
