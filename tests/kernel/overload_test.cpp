// SPDX-License-Identifier: Apache-2.0
// A reader that is stopped on purpose while everything goes on.
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

constexpr std::uint64_t kConnections = 80'000;
const std::vector<std::string> kEventTypes{"connect", "accept", "established", "failed", "close", "listen", "udp"};

/// The full rate, with the reader stopped for two seconds in the middle of it.
struct StoppedRun {
  Json client;
  Json server;
  std::vector<Json> lines;
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
  run.lines = trace.stop();
  return run;
}

std::uint64_t count_lines(const std::vector<Json>& lines, const std::set<std::uint64_t>& owners, bool of_these) {
  std::uint64_t count = 0;
  for (const std::string& type : kEventTypes) {
    for (const Json& line : of_type(lines, type)) {
      const Json& owner = line.at("owner");
      const bool these = owner.is_object() && owner.at("id").is_number() && owners.contains(owner.at("id").get<std::uint64_t>());
      if (these == of_these) ++count;
    }
  }
  return count;
}

TEST(Overload, EventsThatFoundNoRoomAreCountedExactly) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-overload-serving");
  const ScratchCgroup loading("iris-overload-loading");
  // The rest of the host may make events, too. A witness with room for all of them counts those.
  Trace witness({"events", "--ring-size", "256M"});
  Trace trace({"events", "--ring-size", "1M"});
  const StoppedRun run = run_with_stopped_reader(trace, net, serving, loading);
  const auto witnessed = witness.stop();
  ASSERT_EQ(run.client["closed"], kConnections);

  EXPECT_EQ(ledger_faults(run.lines, false), "");
  EXPECT_EQ(ledger_faults(witnessed), "");
  const Json ledger = ledger_sum(run.lines);
  EXPECT_EQ(ledger["dropped"].size(), 1U) << ledger;
  const auto lost = ledger["dropped"].value("ring_full", std::uint64_t{0});
  EXPECT_GT(lost, 0U) << "not overloaded at all: " << ledger;

  const std::set<std::uint64_t> ours{serving.id(), loading.id()};
  // connect, established, accept and two closes for each; one listen.
  const std::uint64_t made = 5 * kConnections + 1;
  EXPECT_EQ(count_lines(witnessed, ours, true), made);
  const std::uint64_t missing = made - count_lines(run.lines, ours, true);
  EXPECT_GE(lost, missing);
  const std::uint64_t of_others = count_lines(witnessed, ours, false);
  // On a host that is quiet but for us the two are the same number.
  EXPECT_LE(lost, of_others == 0 ? missing : missing + of_others + 100) << "made by others: " << of_others;
}

TEST(Overload, SummariesAreCompleteAfterTheReaderWasStopped) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-overload-serving");
  const ScratchCgroup loading("iris-overload-loading");
  Trace trace({"flows", "--window", "1"});
  const StoppedRun run = run_with_stopped_reader(trace, net, serving, loading);
  ASSERT_EQ(run.client["closed"], kConnections);

  EXPECT_EQ(ledger_faults(run.lines), "");
  for (const auto& [owner, truth] : {std::pair{loading.id(), run.client}, std::pair{serving.id(), run.server}}) {
    const auto flows = of_type(run.lines, "flow", owner);
    EXPECT_EQ(sum_of(flows, "opened"), kConnections);
    EXPECT_EQ(sum_of(flows, "established"), kConnections);
    EXPECT_EQ(sum_of(flows, "closed"), kConnections);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), 10 * kConnections);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), 20 * kConnections);
    EXPECT_EQ(sum_of(flows, "failed/reset"), 0U);
  }
}

}  // namespace
}  // namespace iris::test
