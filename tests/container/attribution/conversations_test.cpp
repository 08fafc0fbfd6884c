// SPDX-License-Identifier: Apache-2.0
// Module to module, and from outside: one conversation, two owners, bytes once.
#include <gmock/gmock.h>
#include <sched.h>

#include <thread>

#include "attribution_test.h"

namespace iris::test {
namespace {

constexpr int kConnections = 20;
constexpr int kRequest = 100;
constexpr int kReply = 300;

/// Runs in the engine's network namespace, which to a tracer there is the host's.
void in_engine_network(int net_namespace, const std::function<void()>& what) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (setns(net_namespace, CLONE_NEWNET) != 0) throw std::runtime_error("setns");
      what();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

class ConversationsTest : public AttributionTest {
 protected:
  void start_flows() {
    in_engine_network(engine().net_namespace(), [this] { trace_ = start_trace({"flows", "--window", "1"}); });
  }
  /// A server with its port published; its full id.
  static std::string start_hub() {
    const std::string id = run("--name hub -p 8080:9000 iris-actor:1 iris-load tcp-server --listen 0.0.0.0:9000"
                               " --request " + std::to_string(kRequest) + " --reply " + std::to_string(kReply));
    wait_until("the server", [] { return docker("logs hub 2>&1").find("ready") != std::string::npos; });
    return id;
  }
  static std::string load_command(const std::string& to) {
    return "tcp --to " + to + " --connections " + std::to_string(kConnections) + " --send " + std::to_string(kRequest) +
           " --receive " + std::to_string(kReply);
  }
  /// All TCP flows that name this container at either end, but for its own start.
  std::vector<Json> stop_and_find(const std::string& id) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    stop(*trace_);
    return lines_with(*trace_, id, [](const Json& line) {
      return line.at("type") == "flow" && line.at("protocol") == "tcp";
    });
  }
  static void expect_once(const std::vector<Json>& flows) {
    std::uint64_t closed = 0, sent = 0, answered = 0;
    for (const Json& flow : flows) {
      closed += flow.at("closed").get<std::uint64_t>();
      sent += flow.at("originator_bytes").get<std::uint64_t>();
      answered += flow.at("responder_bytes").get<std::uint64_t>();
    }
    EXPECT_EQ(closed, kConnections);
    EXPECT_EQ(sent, kConnections * kRequest);
    EXPECT_EQ(answered, kConnections * kReply);
  }
  /// The conversation of `client` with the hub, told once, by the client.
  void expect_told_by_client(const std::string& hub, const std::string& client) {
    const auto flows = stop_and_find(hub);
    EXPECT_FALSE(flows.empty());
    for (const Json& flow : flows) {
      EXPECT_EQ(flow.at("owner").at("container_id"), client) << flow;
      EXPECT_EQ(flow.at("peer_owner").at("container_id"), hub) << flow;
      EXPECT_EQ(flow.at("role"), "originator") << flow;
      EXPECT_EQ(flow.at("scope"), "container") << flow;
    }
    expect_once(flows);
  }
  /// What the rule that translates port 8080 has counted.
  static int translated_connections() {
    std::string count;
    in_engine_network(engine().net_namespace(), [&count] {
      count = shell("iptables -t nat -nvxL DOCKER | awk '/dpt:8080/ { print $1 }'");
    });
    return std::stoi(count);
  }
  std::string address_of(const std::string& container) {
    return docker("inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' " + container);
  }

  std::unique_ptr<Trace> trace_;
};

TEST_F(ConversationsTest, OverTheBridge) {
  start_flows();
  const std::string hub = start_hub();
  const std::string client = run_to_end("--name sensor iris-actor:1 iris-load " + load_command(address_of("hub") + ":9000"));
  expect_told_by_client(hub, client);
}

// The engine leaves its own bridge out of the translation as long as it has a proxy.
TEST_F(ConversationsTest, ThroughTheProxy) {
  start_flows();
  const std::string hub = start_hub();
  const std::string client = run_to_end("--name sensor iris-actor:1 iris-load " + load_command("198.51.100.1:8080"));
  expect_told_by_client(hub, client);
}

class FromTheHostTest : public ConversationsTest {
 protected:
  FromTheHostTest() : cgroup_("iris-conversation") {}

  /// A process of the host talks to the hub; the conversation is told once, by the process.
  void expect_told_by_process(const std::string& hub, const std::string& to) {
    Place place;
    place.net_namespace = engine().net_namespace();
    place.cgroup = cgroup_.path();
    Load load({"tcp", "--to", to, "--connections", std::to_string(kConnections), "--send", std::to_string(kRequest),
               "--receive", std::to_string(kReply)},
              place);
    EXPECT_EQ(load.truth().at("closed"), kConnections);
    const int translated = translated_connections();
    const auto flows = stop_and_find(hub);
    EXPECT_FALSE(flows.empty());
    for (const Json& flow : flows) {
      EXPECT_EQ(flow.at("owner").at("id"), cgroup_.id()) << flow;
      EXPECT_EQ(flow.at("peer_owner").at("container_id"), hub) << flow;
    }
    expect_once(flows);
    // Which of the two roads it took.
    EXPECT_EQ(translated, to.starts_with("127.") ? 0 : kConnections);
  }

  ScratchCgroup cgroup_;
};

TEST_F(FromTheHostTest, ThroughTheProxy) {
  start_flows();
  expect_told_by_process(start_hub(), "127.0.0.1:8080");
}

TEST_F(FromTheHostTest, ThroughAddressTranslation) {
  start_flows();
  expect_told_by_process(start_hub(), "198.51.100.1:8080");
}

}  // namespace
}  // namespace iris::test
