// SPDX-License-Identifier: Apache-2.0
// A day of comings and goings in short: memory ends where it was.
#include <gtest/gtest.h>

#include <cstdlib>

#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

constexpr std::uint64_t kAllowedKib = 2048;

class Churn : public testing::Test {
 protected:
  void churn_cgroups(std::uint64_t count) {
    Load load({"churn-cgroups", "--root", root_.path(), "--count", std::to_string(count), "--connect", "127.0.0.1:8080"},
              {net_.fd(), ""});
    const Json truth = load.truth(false, std::chrono::minutes(8));
    EXPECT_EQ(truth["established"], count) << truth;
  }
  void connect(std::uint64_t count) {
    Load load({"tcp", "--to", "127.0.0.1:8080", "--connections", std::to_string(count), "--threads", "2"},
              {net_.fd(), loading_.path()});
    EXPECT_EQ(load.truth(false, std::chrono::minutes(8))["closed"], count);
  }

  NetNamespace net_;
  ScratchCgroup root_{"iris-churn"};
  ScratchCgroup loading_{"iris-churn-loading"};
};

// IRIS_LONG=1: the full numbers, some minutes.
TEST_F(Churn, MemoryStaysWhereItWas) {
  const bool full = std::getenv("IRIS_LONG") != nullptr;
  const std::uint64_t cgroups = full ? 100'000 : 20'000;
  const std::uint64_t connections = full ? 1'000'000 : 300'000;
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--threads", "2"}, {net_.fd(), loading_.path()});
  server.ready();
  Trace trace({"flows", "--window", "1"});
  // Until every cache is as full as it gets: that of dead owners holds 8192.
  churn_cgroups(9'000);
  connect(50'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  const std::uint64_t before = trace.rss_kib();

  churn_cgroups(cgroups);
  connect(connections);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  const std::uint64_t after = trace.rss_kib();
  const auto lines = trace.stop();

  RecordProperty("rss_kib_before", std::to_string(before));
  RecordProperty("rss_kib_after", std::to_string(after));
  EXPECT_LE(after, before + kAllowedKib) << "before: " << before << " KiB";
  EXPECT_EQ(ledger_faults(lines), "");
  EXPECT_EQ(sum_of(of_type(lines, "flow", loading_.id()), "closed"),
            // Both ends of the load's connections are of this owner, one end of the others.
            2 * (connections + 50'000) + cgroups + 9'000);
}

}  // namespace
}  // namespace iris::test
