// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "capture/bpf_event_source.h"
#include "loopback.h"
#include "scratch_cgroup.h"

namespace iris::capture {
namespace {

using namespace iris::testing;
using namespace std::chrono_literals;

constexpr int kConnections = 1000;
constexpr int kRequest = 100;
constexpr int kAnswer = 300;

/// Accepts `count` connections, answers each and waits for its end.
void serve(int listener, int count) {
  for (int i = 0; i < count; ++i) {
    const base::UniqueFd connection(accept(listener, nullptr, nullptr));
    if (!connection || !transfer(connection.get(), kRequest, false)) return;
    transfer(connection.get(), kAnswer, true);
    char end = 0;
    [[maybe_unused]] const auto rest = recv(connection.get(), &end, 1, 0);
  }
}

int make_connections(std::uint16_t port, int count) {
  for (int i = 0; i < count; ++i) {
    const base::UniqueFd fd(connect_to(port));
    if (!fd || !transfer(fd.get(), kRequest, true) || !transfer(fd.get(), kAnswer, false)) return 1;
  }
  return 0;
}

struct Window {
  WindowCounters counters;
  std::vector<std::pair<iris_flow_key, iris_flow_value>> flows;
  std::vector<std::vector<std::uint64_t>> events;  // 8-byte words: aligned

  const iris_event_header& header(std::size_t i) const {
    return *reinterpret_cast<const iris_event_header*>(events[i].data());
  }
  template <typename Event>
  std::vector<const Event*> of_type(iris_event_type type, std::uint64_t owner) const {
    std::vector<const Event*> found;
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (header(i).type == type && header(i).cgroup_id == owner) {
        found.push_back(reinterpret_cast<const Event*>(events[i].data()));
      }
    }
    return found;
  }
  std::vector<iris_flow_value> of_owner(std::uint64_t owner, iris_role role, std::uint16_t port) const {
    std::vector<iris_flow_value> found;
    for (const auto& [key, value] : flows) {
      if (key.cgroup_id == owner && key.role == role && key.service_port == port) found.push_back(value);
    }
    return found;
  }
};

class CaptureTest : public ::testing::Test {
 protected:
  void open(const BpfOptions& options) {
    auto opened = BpfEventSource::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    source_ = std::move(*opened);
  }

  EventHandler into(Window& window) {
    return [&window](const iris_event_header& event, std::size_t size) {
      auto& copy = window.events.emplace_back((size + 7) / 8);
      std::memcpy(copy.data(), &event, size);
    };
  }

  void close(Window& window) {
    // A socket's last transition may run a moment after close(2) has returned.
    std::this_thread::sleep_for(50ms);
    const auto counters = source_->close_window(into(window), [&](const iris_flow_key& key, const iris_flow_value& value) {
      window.flows.emplace_back(key, value);
    });
    ASSERT_TRUE(counters) << counters.error().message;
    window.counters = *counters;
    expect_balance(window);
  }

  static void expect_balance(const Window& window) {
    std::uint64_t lost = 0;
    for (const auto one : window.counters.kernel.lost_ring) lost += one;
    EXPECT_EQ(window.counters.kernel.events_produced, window.counters.events_read + lost);
    std::uint64_t updates = 0;
    for (const auto& [key, value] : window.flows) updates += value.updates;
    EXPECT_EQ(window.counters.kernel.flow_updates, updates + window.counters.kernel.lost_flow_update);
  }

  std::unique_ptr<BpfEventSource> source_;
};

TEST_F(CaptureTest, EveryProgramIsLoadedAndAttached) {
  open({});
  for (const ProgramInfo& program : source_->programs()) {
    EXPECT_TRUE(program.attached) << program.name << ": " << program.detail;
    EXPECT_GT(program.verified_instructions, 0U) << program.name;
  }
}

TEST_F(CaptureTest, MapsKeepTheMemoryPromise) {
  open({});
  std::uint64_t total = 0;
  for (const auto& [name, bytes] : source_->map_bytes()) total += bytes;
  EXPECT_GT(source_->map_bytes()["flows_0"], 0U);
  EXPECT_GE(source_->map_bytes()["events"], BpfOptions{}.ring_bytes);
  EXPECT_LE(total, 16U << 20);
}

TEST_F(CaptureTest, ThousandConnectionsAreOneExactFlow) {
  open({});
  ASSERT_TRUE(source_->find_existing_sockets());
  const ScratchCgroup group(source_->owner_root(), "clients");
  const Endpoint server(SOCK_STREAM);
  ASSERT_EQ(listen(server.fd.get(), 128), 0);
  std::thread serving(serve, server.fd.get(), kConnections);
  EXPECT_EQ(group.run([&] { return make_connections(server.port, kConnections); }), 0);
  serving.join();

  Window window;
  close(window);
  const auto flows = window.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, server.port);
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].opened, static_cast<unsigned>(kConnections));
  EXPECT_EQ(flows[0].established, static_cast<unsigned>(kConnections));
  EXPECT_EQ(flows[0].closed, static_cast<unsigned>(kConnections));
  EXPECT_EQ(flows[0].originator_bytes, static_cast<unsigned>(kConnections * kRequest));
  EXPECT_EQ(flows[0].responder_bytes, static_cast<unsigned>(kConnections * kAnswer));
  EXPECT_EQ(flows[0].active, 0U);
  EXPECT_EQ(flows[0].attribution, IRIS_ATTRIBUTION_EXACT);
  for (const auto failures : flows[0].failed) EXPECT_EQ(failures, 0U);

  // Nothing of it is left for the next window.
  Window next;
  close(next);
  EXPECT_TRUE(next.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, server.port).empty());
}

TEST_F(CaptureTest, WindowsUnderTrafficLoseNothing) {
  BpfOptions options;
  options.emit_sockets = true;
  open(options);
  const ScratchCgroup group(source_->owner_root(), "steady");
  const Endpoint server(SOCK_STREAM);
  ASSERT_EQ(listen(server.fd.get(), 128), 0);
  constexpr int kMany = 5 * kConnections;
  std::thread serving(serve, server.fd.get(), kMany);
  std::atomic<bool> done = false;
  std::thread client([&] {
    EXPECT_EQ(group.run([&] { return make_connections(server.port, kMany); }), 0);
    done = true;
  });
  std::uint64_t opened = 0, established = 0, closed = 0, bytes = 0, close_events = 0;
  Window polled;  // what poll() hands over belongs to whichever window its header names
  for (bool last = false; !last;) {
    last = done;
    Window window;
    const auto handled = source_->poll(5ms, into(polled));
    ASSERT_TRUE(handled) << handled.error().message;
    close(window);
    for (const auto& flow : window.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, server.port)) {
      opened += flow.opened;
      established += flow.established;
      closed += flow.closed;
      bytes += flow.originator_bytes + flow.responder_bytes;
    }
    close_events += window.of_type<iris_socket_event>(IRIS_EVENT_CLOSE, group.id()).size();
  }
  client.join();
  serving.join();
  close_events += polled.of_type<iris_socket_event>(IRIS_EVENT_CLOSE, group.id()).size();
  EXPECT_EQ(opened, static_cast<unsigned>(kMany));
  EXPECT_EQ(established, static_cast<unsigned>(kMany));
  EXPECT_EQ(closed, static_cast<unsigned>(kMany));
  EXPECT_EQ(bytes, static_cast<std::uint64_t>(kMany) * (kRequest + kAnswer));
  EXPECT_EQ(close_events, static_cast<unsigned>(kMany));
}

TEST_F(CaptureTest, LiveConnectionIsActiveAndSampled) {
  open({});
  const ScratchCgroup group(source_->owner_root(), "live");
  const Endpoint server(SOCK_STREAM);
  ASSERT_EQ(listen(server.fd.get(), 8), 0);
  Window first, second;
  int pipe_to_child[2], pipe_to_parent[2];
  ASSERT_EQ(pipe(pipe_to_child), 0);
  ASSERT_EQ(pipe(pipe_to_parent), 0);
  std::thread child([&] {
    EXPECT_EQ(group.run([&] {
      const base::UniqueFd fd(connect_to(server.port));
      if (!fd || !transfer(fd.get(), 1000, true) || write(pipe_to_parent[1], "1", 1) != 1) return 1;
      char go = 0;
      if (read(pipe_to_child[0], &go, 1) != 1 || !transfer(fd.get(), 500, true)) return 2;
      return 0;
    }), 0);
  });
  const base::UniqueFd accepted(accept(server.fd.get(), nullptr, nullptr));
  ASSERT_TRUE(transfer(accepted.get(), 1000, false));
  char ready = 0;
  ASSERT_EQ(read(pipe_to_parent[0], &ready, 1), 1);
  close(first);
  ASSERT_EQ(write(pipe_to_child[1], "1", 1), 1);
  child.join();
  ASSERT_TRUE(transfer(accepted.get(), 500, false));
  ASSERT_EQ(shutdown(accepted.get(), SHUT_RDWR), 0);
  close(second);
  for (const int fd : {pipe_to_child[0], pipe_to_child[1], pipe_to_parent[0], pipe_to_parent[1]}) ::close(fd);

  const auto before = first.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, server.port);
  const auto after = second.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, server.port);
  ASSERT_EQ(before.size(), 1U);
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(before[0].opened, 1U);
  EXPECT_EQ(before[0].established, 1U);
  EXPECT_EQ(before[0].active, 1U);
  EXPECT_EQ(before[0].closed, 0U);
  EXPECT_EQ(before[0].originator_bytes, 1000U);
  EXPECT_EQ(after[0].opened, 0U);
  EXPECT_EQ(after[0].closed, 1U);
  EXPECT_EQ(after[0].active, 0U);
  EXPECT_EQ(after[0].originator_bytes, 500U);
}

TEST_F(CaptureTest, RefusedConnectionIsAFailure) {
  open({});
  const ScratchCgroup group(source_->owner_root(), "refused");
  std::uint16_t port = 0;
  {
    const Endpoint unused(SOCK_STREAM);
    port = unused.port;
  }
  EXPECT_EQ(group.run([&] { return connect_to(port) < 0 && errno == ECONNREFUSED ? 0 : 1; }), 0);
  Window window;
  close(window);
  const auto flows = window.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, port);
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].opened, 1U);
  EXPECT_EQ(flows[0].established, 0U);
  EXPECT_EQ(flows[0].failed[IRIS_FAILURE_REFUSED], 1U);
}

TEST_F(CaptureTest, DatagramsAreCountedByTheirOriginator) {
  open({});
  const ScratchCgroup group(source_->owner_root(), "udp");
  const Endpoint server(SOCK_DGRAM);
  EXPECT_EQ(group.run([&] {
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM, 0));
    const sockaddr_in address = loopback(server.port);
    std::array<char, 200> data{};
    for (int i = 0; i < 20; ++i) {
      if (sendto(fd.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)) != 200) {
        return 1;
      }
    }
    return 0;
  }), 0);
  Window window;
  close(window);
  const auto flows = window.of_owner(group.id(), IRIS_ROLE_ORIGINATOR, server.port);
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].originator_bytes, 20U * 200U);
  EXPECT_EQ(flows[0].originator_packets, 20U);
  EXPECT_EQ(flows[0].responder_bytes, 0U);
}

TEST_F(CaptureTest, ExitAndCgroupEventsArriveInOrder) {
  open({});
  const ScratchCgroup group(source_->owner_root(), "exit");
  const int status = group.run([] {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  Window window;
  close(window);
  const auto exits = window.of_type<iris_exit_event>(IRIS_EVENT_EXIT, group.id());
  ASSERT_EQ(exits.size(), 1U);
  EXPECT_EQ(exits[0]->status & 0x7f, SIGSEGV);
  EXPECT_EQ(window.of_type<iris_stack_event>(IRIS_EVENT_STACK, group.id()).size(), 1U);
  EXPECT_EQ(window.of_type<iris_cgroup_event>(IRIS_EVENT_CGROUP_ADDED, group.id()).size(), 1U);
}

TEST_F(CaptureTest, SocketsOlderThanTheProgramsAreFound) {
  const Endpoint server(SOCK_STREAM);
  ASSERT_EQ(listen(server.fd.get(), 8), 0);
  const base::UniqueFd near(connect_to(server.port));
  const base::UniqueFd far(accept(server.fd.get(), nullptr, nullptr));
  ASSERT_TRUE(near && far);
  ASSERT_TRUE(transfer(near.get(), 5000, true));
  open({});
  const auto found = source_->find_existing_sockets();
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_TRUE(transfer(near.get(), 70, true));
  ASSERT_TRUE(transfer(far.get(), 5070, false));
  Window window;
  close(window);
  for (const iris_role role : {IRIS_ROLE_ORIGINATOR, IRIS_ROLE_RESPONDER}) {
    std::vector<iris_flow_value> flows;
    for (const auto& [key, value] : window.flows) {
      if (key.role == role && key.service_port == server.port) flows.push_back(value);
    }
    ASSERT_EQ(flows.size(), 1U) << "role " << role;
    EXPECT_EQ(flows[0].pre_existing, 1U);
    EXPECT_EQ(flows[0].opened, 0U);
    EXPECT_EQ(flows[0].active, 1U);
    EXPECT_EQ(flows[0].originator_bytes, 70U) << "role " << role;
  }
}

TEST_F(CaptureTest, WakeEndsAWait) {
  open({});
  Window window;
  std::thread waker([&] {
    std::this_thread::sleep_for(100ms);
    source_->wake();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto handled = source_->poll(30s, into(window));
  waker.join();
  ASSERT_TRUE(handled) << handled.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(CaptureErrors, TooLargeAMapNamesItsOption) {
  BpfOptions options;
  options.max_flows = 1U << 31;
  const auto source = BpfEventSource::open(options);
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message, ::testing::HasSubstr("flows_0"));
  EXPECT_THAT(source.error().message, ::testing::HasSubstr("lower the number of flows"));
}

TEST(CaptureErrors, WithoutRightsTheErrorSaysWhichOnes) {
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(2);
    const auto source = BpfEventSource::open({});
    const bool right = !source && source.error().kind == base::Error::Kind::permission &&
                       source.error().message.find("CAP_BPF") != std::string::npos;
    if (!right) fprintf(stderr, "%s\n", source ? "opened" : source.error().message.c_str());
    _exit(right ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace iris::capture
