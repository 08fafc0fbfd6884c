// SPDX-License-Identifier: Apache-2.0
// Agent and collector are killed again and again, at any moment. What had left the
// kernel's window must be at the collector, once; the rest must have a name.
//
// 20 kills; IRIS_LONG=1 makes it 200.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <random>
#include <thread>

#include "collector/ingest_server.h"
#include "store/store.h"
#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kRequest = 100;
constexpr std::uint64_t kReply = 300;

int kills_wanted() { return std::getenv("IRIS_LONG") != nullptr ? 200 : 20; }

std::uint64_t wall_now() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

/// A store, and a process that ingests into it. The process is a fork of this one,
/// which itself never touches gRPC.
class Collector {
 public:
  explicit Collector(const std::string& directory)
      : url_("sqlite:" + directory + "/collector.db"), listen_("unix:" + directory + "/collector.sock") {
    auto store = open();
    auto gateway = store->add_gateway("gateway", collector::hash_token("token-of-the-gateway"), wall_now());
    if (!gateway) throw std::runtime_error(gateway.error().message);
    gateway_ = gateway->id;
  }

  void start() {
    const auto serve = [url = url_, listen = listen_] {
      auto store = store::open_store(url);
      if (!store) return 2;
      collector::IngestOptions options;
      options.listen = listen;
      options.insecure = true;
      ::unlink(listen.substr(5).c_str());
      auto server = collector::IngestServer::start(options, **store, wall_now);
      if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return 3;
      }
      std::fprintf(stderr, "collector: ready\n");
      ::pause();
      return 0;
    };
    process_ = std::make_unique<Child>(serve, Place{});
    process_->wait_for_message("collector: ready", milliseconds(30'000));
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait();
    process_.reset();
  }
  bool runs() const { return process_ != nullptr; }

  std::unique_ptr<store::Store> open() const {
    auto store = store::open_store(url_);
    if (!store) throw std::runtime_error(store.error().message);
    return std::move(*store);
  }
  std::int64_t gateway() const { return gateway_; }
  const std::string& listen() const { return listen_; }

 private:
  std::string url_;
  std::string listen_;
  std::int64_t gateway_ = 0;
  std::unique_ptr<Child> process_;
};

class Agent {
 public:
  Agent(const std::string& directory, const std::string& target) : config_(directory + "/irisd.toml") {
    std::ofstream(directory + "/token") << "token-of-the-gateway\n";
    std::ofstream(config_) << "window = \"1s\"\n[runtimes]\ndocker_socket = \"\"\ncontainerd_socket = \"\"\n[spool]\ndirectory = \""
                           << directory << "/spool\"\n[local]\nsocket = \"\"\n[uplink]\ntarget = \"" << target
                           << "\"\ninsecure = true\ntoken_file = \"" << directory << "/token\"\n";
  }
  void start() {
    process_ = std::make_unique<Child>(std::vector<std::string>{IRISD_PATH, "--foreground", "--config", config_}, Place{});
    process_->wait_for_message("ready: irisd", milliseconds(60'000));
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait();
  }
  int stop() {
    process_->signal(SIGTERM);
    const int status = process_->wait(milliseconds(30'000));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string words() const { return process_->err(); }

 private:
  std::string config_;
  std::unique_ptr<Child> process_;
};

struct Sums {
  std::uint64_t opened = 0, closed = 0, sent = 0, answered = 0;
};

Sums sums_of(store::Store& store, std::int64_t gateway, std::uint64_t cgroup) {
  Sums sums;
  store::FlowQuery query;
  query.gateway_id = gateway;
  query.limit = 1'000'000;
  const auto read = store.flows(query, [&](const store::StoredFlow& stored) {
    if (!stored.flow.owner || stored.flow.owner->cgroup_id != cgroup || stored.flow.protocol != IPPROTO_TCP) return;
    sums.opened += stored.flow.opened;
    sums.closed += stored.flow.closed;
    sums.sent += stored.flow.originator_bytes;
    sums.answered += stored.flow.responder_bytes;
  });
  if (!read) throw std::runtime_error(read.error().message);
  return sums;
}

TEST(Torture, KilledAtAnyMomentNothingIsLostAndNothingCountsTwice) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto up_to = [&random](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };

  const TempDirectory directory;
  const NetNamespace net;
  const ScratchCgroup serving("iris-torture-serving");
  const ScratchCgroup loading("iris-torture-loading");
  Collector collector(directory.path());
  Agent agent(directory.path(), collector.listen());
  collector.start();
  agent.start();
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--request", std::to_string(kRequest), "--reply",
               std::to_string(kReply)},
              {net.fd(), serving.path()});
  server.ready();

  std::uint64_t made = 0;
  int agent_kills = 0, collector_kills = 0;
  while (agent_kills + collector_kills < kills_wanted()) {
    const int connections = 100 + up_to(400);
    Load load({"tcp", "--to", "127.0.0.1:8080", "--connections", std::to_string(connections), "--send",
               std::to_string(kRequest), "--receive", std::to_string(kReply)},
              {net.fd(), loading.path()});
    const Json truth = load.truth();
    ASSERT_EQ(truth.at("closed"), connections);
    made += static_cast<std::uint64_t>(connections);
    // The collector dies at some moment of the window and of its way ...
    std::this_thread::sleep_for(milliseconds(up_to(1500)));
    if (collector.runs()) {
      collector.kill();
      ++collector_kills;
    }
    if (up_to(3) > 0) collector.start();
    // ... and the agent after the window has left the kernel, while it is being shipped.
    std::this_thread::sleep_for(milliseconds(1600 + up_to(400)));
    if (up_to(2) == 0) {
      agent.kill();
      ++agent_kills;
      agent.start();
    }
  }
  if (!collector.runs()) collector.start();
  RecordProperty("kills", std::to_string(agent_kills) + " of the agent, " + std::to_string(collector_kills) + " of the collector");

  // Everything that was made has left the kernel; the rest is a matter of shipping it.
  // With nothing new to tell, a batch (and with it the last gap) comes once a minute.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(150);
  while (std::chrono::steady_clock::now() < deadline) {
    auto reader = collector.open();
    const auto account = reader->ledger(collector.gateway(), {});
    if (account && account->gaps.size() >= static_cast<std::size_t>(agent_kills) &&
        sums_of(*reader, collector.gateway(), loading.id()).closed >= made) {
      break;
    }
    std::this_thread::sleep_for(milliseconds(500));
  }
  EXPECT_EQ(agent.stop(), 0) << agent.words();
  auto store = collector.open();
  const Sums sums = sums_of(*store, collector.gateway(), loading.id());
  EXPECT_EQ(sums.opened, made);
  EXPECT_EQ(sums.closed, made);
  EXPECT_EQ(sums.sent, made * kRequest);
  EXPECT_EQ(sums.answered, made * kReply);

  // Each death of the agent is a gap that the account names; nothing is missing in between.
  const auto account = store->ledger(collector.gateway(), {});
  ASSERT_TRUE(account) << account.error().message;
  int stopped = 0;
  for (const auto& gap : account->gaps) {
    EXPECT_EQ(gap.reason, "agent_stopped");
    stopped += gap.reason == "agent_stopped" ? 1 : 0;
  }
  EXPECT_EQ(stopped, agent_kills);
  std::uint64_t accounted = account->delivered + account->folded + account->lost();
  EXPECT_EQ(account->produced, accounted);
  collector.kill();
}

}  // namespace
}  // namespace iris::test
