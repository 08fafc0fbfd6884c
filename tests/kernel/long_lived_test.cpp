// SPDX-License-Identifier: Apache-2.0
// Connections that outlast windows, and such as outlast the tracer.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <vector>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

TEST(LongLived, BytesBelongToTheWindowInWhichTheyFlowed) {
  constexpr int kConnections = 20;
  constexpr int kBytesPerSecond = 1000;
  constexpr int kWindowSeconds = 2;
  constexpr double kPerWindow = kConnections * kBytesPerSecond * kWindowSeconds;
  const NetNamespace net;
  const ScratchCgroup serving("iris-long-serving");
  const ScratchCgroup idling("iris-long-idling");
  Trace trace({"flows", "--window", std::to_string(kWindowSeconds)});
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--listen", "[::1]:8080"}, {net.fd(), serving.path()});
  server.ready();
  Load idle({"idle", "--to", "127.0.0.1:8080", "--to", "[::1]:8080", "--connections", std::to_string(kConnections), "--for",
             "9", "--trickle-bytes-per-s", std::to_string(kBytesPerSecond)},
            {net.fd(), idling.path()});
  const Json truth = idle.truth();
  const Json served = server.truth(true);
  const auto lines = trace.stop();

  EXPECT_EQ(ledger_faults(lines), "");
  ASSERT_EQ(truth["established"], kConnections);
  ASSERT_EQ(served["bytes_received"], truth["bytes_sent"]);
  for (const std::uint64_t owner : {idling.id(), serving.id()}) {
    const auto flows = of_type(lines, "flow", owner);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), truth["bytes_sent"]);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), 0U);
    EXPECT_EQ(sum_of(flows, "opened"), kConnections);
    EXPECT_EQ(sum_of(flows, "established"), kConnections);
    EXPECT_EQ(sum_of(flows, "closed"), kConnections);

    std::vector<std::vector<Json>> windows;
    for (const Json& ledger : of_type(lines, "ledger")) {
      windows.emplace_back();
      for (const Json& flow : flows) {
        if (flow["window_start"] == ledger["window_start"]) windows.back().push_back(flow);
      }
      if (windows.back().empty()) windows.pop_back();
    }
    ASSERT_GE(windows.size(), 5U);  // nine seconds
    for (std::size_t i = 0; i < windows.size(); ++i) {
      SCOPED_TRACE("window " + std::to_string(i) + " of " + std::to_string(windows.size()));
      const bool last = i + 1 == windows.size();
      const auto bytes = static_cast<double>(sum_of(windows[i], "originator_bytes"));
      EXPECT_LE(bytes, kPerWindow * 1.5);
      if (i > 0 && !last) {
        EXPECT_GE(bytes, kPerWindow * 0.5);
      }
      // All were opened in the first window, and all are closed in the last.
      EXPECT_EQ(sum_of(windows[i], "opened"), i == 0 ? kConnections : 0);
      EXPECT_EQ(sum_of(windows[i], "active"), last ? 0 : kConnections);
      EXPECT_EQ(sum_of(windows[i], "closed"), last ? kConnections : 0);
    }
  }
}

constexpr std::size_t kOld = 3000;
constexpr std::size_t kNew = 1234;

bool send_exactly(int fd, std::size_t bytes) {
  const std::vector<char> buffer(bytes);
  return send(fd, buffer.data(), bytes, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes);
}

void wait_for_signal(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  int got = 0;
  sigwait(&set, &got);
}

/// Ten connections: bytes before SIGUSR1, other bytes after it, closed at
/// SIGUSR2. The first stays silent.
int old_client() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::array<int, 10> fds{};
  for (int& fd : fds) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(8080);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return 1;
    if (!send_exactly(fd, kOld)) return 2;
  }
  std::fputs("old bytes sent\n", stderr);
  wait_for_signal(SIGUSR1);
  for (std::size_t i = 1; i < fds.size(); ++i) {
    if (!send_exactly(fds[i], kNew)) return 3;
  }
  std::fputs("new bytes sent\n", stderr);
  wait_for_signal(SIGUSR2);
  return 0;
}

TEST(LongLived, SocketsOlderThanTheTracerAreMarkedAndTheirOldBytesLeftOut) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-old-serving");
  const ScratchCgroup old("iris-old-client");
  Load server({"tcp-server", "--listen", "127.0.0.1:8080"}, {net.fd(), serving.path()});
  server.ready();
  Child client(old_client, {net.fd(), old.path()});
  client.wait_for_message("old bytes sent");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // until the last is acknowledged

  Trace trace({"flows", "--window", "1"});
  client.signal(SIGUSR1);
  client.wait_for_message("new bytes sent");
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  client.signal(SIGUSR2);
  EXPECT_EQ(client.wait(), 0);
  const Json served = server.truth(true);
  const auto lines = trace.stop();

  EXPECT_EQ(ledger_faults(lines), "");
  EXPECT_EQ(served["bytes_received"], 10 * kOld + 9 * kNew);
  for (const auto& [owner, role] : {std::pair{old.id(), "originator"}, std::pair{serving.id(), "responder"}}) {
    SCOPED_TRACE(role);
    const auto flows = of_type(lines, "flow", owner);
    ASSERT_GE(flows.size(), 2U);
    for (const Json& flow : flows) {
      EXPECT_EQ(flow["pre_existing"], true) << flow;
      EXPECT_EQ(flow["role"], role) << flow;
      EXPECT_EQ(flow["service_port"], 8080) << flow;
    }
    EXPECT_EQ(flows.front()["active"], 10) << flows.front();
    EXPECT_EQ(sum_of(flows, "opened"), 0U);
    EXPECT_EQ(sum_of(flows, "established"), 0U);
    EXPECT_EQ(sum_of(flows, "closed"), 10U);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), 9 * kNew);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), 0U);
  }
}

}  // namespace
}  // namespace iris::test
