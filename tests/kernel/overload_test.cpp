// SPDX-License-Identifier: Apache-2.0
// A reader that is stopped on purpose while everything goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <thread>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

constexpr std::uint64_t kConnections = 80'000;

/// The full rate, with the reader stopped for two seconds in the middle of it.
struct StoppedRun {
  Json client;
  Json server;
  std::string text;  // what iris-trace printed
};

StoppedRun run_with_stopped_reader(Trace& trace, const NetNamespace& net, const ScratchCgroup& serving,
                                   const ScratchCgroup& loading) {
  StoppedRun run;
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--request", "10", "--reply", "20", "--threads", "2"},
              {net.fd(), serving.path()});
  server.ready();
  Load load({"tcp", "--to", "127.0.0.1:8080", "--connections", std::to_string(kConnections), "--threads", "4", "--send", "10",
             "--receive", "20"},
            {net.fd(), loading.path()});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  kill(trace.pid(), SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  kill(trace.pid(), SIGCONT);
  run.client = load.truth();
  run.server = server.truth(true);
  run.text = trace.stop_text();
  return run;
}

struct Counted {
  std::uint64_t ours = 0;
  std::uint64_t of_others = 0;
  std::vector<Json> ledgers;
};

/// Hundreds of thousands of lines: only the ledger's are worth parsing.
Counted count_lines(const std::string& text, const std::vector<std::uint64_t>& owners) {
  Counted counted;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) {
    if (line.starts_with(R"({"type":"ledger")")) {
      counted.ledgers.push_back(Json::parse(line));
      continue;
    }
    const bool is_ours = std::any_of(owners.begin(), owners.end(), [&line](std::uint64_t owner) {
      return line.find(R"("id":)" + std::to_string(owner) + ",") != std::string::npos;
    });
    ++(is_ours ? counted.ours : counted.of_others);
  }
  return counted;
}

TEST(Overload, EventsThatFoundNoRoomAreCountedExactly) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-overload-serving");
  const ScratchCgroup loading("iris-overload-loading");
  // The rest of the host may make events, too. A witness with room for all of them counts those.
  Trace witness({"events", "--ring-size", "256M"});
  Trace trace({"events", "--ring-size", "1M"});
  const StoppedRun run = run_with_stopped_reader(trace, net, serving, loading);
  const std::vector<std::uint64_t> owners{serving.id(), loading.id()};
  const Counted counted = count_lines(run.text, owners);
  const Counted witnessed = count_lines(witness.stop_text(), owners);
  ASSERT_EQ(run.client["closed"], kConnections);

  EXPECT_EQ(ledger_faults(counted.ledgers, false), "");
  EXPECT_EQ(ledger_faults(witnessed.ledgers), "");
  const Json ledger = ledger_sum(counted.ledgers);
  EXPECT_EQ(ledger["dropped"].size(), 1U) << ledger;
  const auto lost = ledger["dropped"].value("ring_full", std::uint64_t{0});
  EXPECT_GT(lost, 0U) << "not overloaded at all: " << ledger;

  // connect, established, accept and two closes for each; one listen.
  const std::uint64_t made = 5 * kConnections + 1;
  EXPECT_EQ(witnessed.ours, made);
  const std::uint64_t missing = made - counted.ours;
  EXPECT_GE(lost, missing);
  // On a host that is quiet but for us the two are the same number.
  const std::uint64_t others = witnessed.of_others;
  EXPECT_LE(lost, others == 0 ? missing : missing + others + 100) << "made by others: " << others;
}

TEST(Overload, SummariesAreCompleteAfterTheReaderWasStopped) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-overload-serving");
  const ScratchCgroup loading("iris-overload-loading");
  Trace trace({"flows", "--window", "1"});
  const StoppedRun run = run_with_stopped_reader(trace, net, serving, loading);
  ASSERT_EQ(run.client["closed"], kConnections);

  const auto lines = parse_lines(run.text);
  EXPECT_EQ(ledger_faults(lines), "");
  for (const auto& [owner, truth] : {std::pair{loading.id(), run.client}, std::pair{serving.id(), run.server}}) {
    const auto flows = of_type(lines, "flow", owner);
    SCOPED_TRACE(truth.dump());
    EXPECT_EQ(sum_of(flows, "opened"), kConnections);
    EXPECT_EQ(sum_of(flows, "established"), kConnections);
    EXPECT_EQ(sum_of(flows, "closed"), kConnections);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), 10 * kConnections);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), 20 * kConnections);
    EXPECT_EQ(truth["failed"]["reset"], 0);
    EXPECT_EQ(sum_of(flows, "failed/reset"), 0U);
  }
}

}  // namespace
}  // namespace iris::test
