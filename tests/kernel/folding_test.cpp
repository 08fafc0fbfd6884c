// SPDX-License-Identifier: Apache-2.0
// More peers than there is room for: coarser, said so, and nothing lost.
#include <gtest/gtest.h>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

TEST(Folding, SumsStayExactWhenTheFlowMapIsFull) {
  constexpr int kPeers = 1000;
  constexpr std::uint64_t kConnections = 3 * kPeers;
  const NetNamespace net;
  const ScratchCgroup serving("iris-folding-serving");
  const ScratchCgroup scanning("iris-folding-scanning");
  Trace trace({"flows", "--window", "2", "--max-flows", "64"});
  Load server({"tcp-server", "--listen", "0.0.0.0:8080", "--request", "10", "--reply", "30"}, {net.fd(), serving.path()});
  server.ready();
  std::vector<std::string> arguments{"tcp", "--connections", std::to_string(kConnections), "--send", "10", "--receive", "30"};
  for (int i = 0; i < kPeers; ++i) {
    arguments.emplace_back("--to");
    arguments.push_back("127.0." + std::to_string(1 + i / 200) + "." + std::to_string(1 + i % 200) + ":8080");
  }
  Load load(arguments, {net.fd(), scanning.path()});
  const Json truth = load.truth();
  const Json served = server.truth(true);
  const auto lines = trace.stop();

  ASSERT_EQ(truth["closed"], kConnections);
  EXPECT_EQ(ledger_faults(lines), "");
  EXPECT_GT(ledger_sum(lines)["folded"], 0);
  std::uint64_t folded = 0;
  for (const Json& flow : of_type(lines, "flow", scanning.id())) {
    if (flow["folded"] == true) {
      ++folded;
      EXPECT_TRUE(flow["peer_address"].is_null()) << flow;
      EXPECT_TRUE(flow["service_port"].is_null()) << flow;
    } else {
      EXPECT_EQ(flow["service_port"], 8080) << flow;
    }
    EXPECT_EQ(flow["role"], "originator") << flow;
  }
  EXPECT_GT(folded, 0U);
  for (const std::uint64_t owner : {scanning.id(), serving.id()}) {
    const auto flows = of_type(lines, "flow", owner);
    EXPECT_EQ(sum_of(flows, "opened"), kConnections);
    EXPECT_EQ(sum_of(flows, "established"), kConnections);
    EXPECT_EQ(sum_of(flows, "closed"), kConnections);
    EXPECT_EQ(sum_of(flows, "originator_bytes"), truth["bytes_sent"]);
    EXPECT_EQ(sum_of(flows, "responder_bytes"), served["bytes_sent"]);
  }
}

}  // namespace
}  // namespace iris::test
