// SPDX-License-Identifier: Apache-2.0
// Two thousand gateways at one collector, over TLS, all at once. They are killed,
// hang up and come back. Each of their summaries must be there once, every account
// must be complete, and the collector must not grow with what it is sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "simulator/collector_process.h"
#include "simulator/traffic.h"
#include "sql/sql.h"
#include "store/store.h"
#include "trace/child.h"

namespace iris::test {
namespace {

using std::chrono::seconds;
using nlohmann::json;

constexpr std::size_t kGateways = 2000;
constexpr std::uint64_t kBatches = 5;         // then four times as many
constexpr std::uint64_t kAllBatches = 4 * kBatches;
constexpr std::size_t kSummaries = 4;
constexpr std::uint64_t kSeed = 7;
constexpr long kMostKib = 448 << 10;  // of which TLS and gRPC take some 110 KiB a connection
constexpr double kMostGrowth = 1.25;

/// Of the first window: an hour ago, so that nothing is rolled up yet.
std::uint64_t start_wall_ns() {
  static const auto start = std::chrono::system_clock::now() - std::chrono::hours(1);
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(start.time_since_epoch()).count());
}

class Simulator {
 public:
  Simulator(const CollectorProcess& collector, std::uint64_t batches, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{IRIS_SIMULATOR_PATH, "--target", collector.target(), "--tokens", collector.tokens(),
                                       "--ca-file", collector.certificate(), "--batches", std::to_string(batches),
                                       "--summaries", std::to_string(kSummaries), "--seed", std::to_string(kSeed), "--start",
                                       std::to_string(start_wall_ns())};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process_ = std::make_unique<Child>(arguments, Place{});
  }
  json report() {
    process_->wait(seconds(200));
    if (process_->out().empty()) throw std::runtime_error(process_->err());
    return json::parse(process_->out());
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait();
  }

 private:
  std::unique_ptr<Child> process_;
};

std::uint64_t windows_in(const CollectorProcess& collector) {
  auto connection = sql::Connection::open(collector.database(), {.create = false, .read_only = true, .busy_timeout_ms = 5000});
  return static_cast<std::uint64_t>(connection.value().query_int64("SELECT ifnull(sum(sequence), 0) FROM position").value());
}

simulator::Totals totals_of(store::Store& store, std::int64_t gateway) {
  simulator::Totals totals;
  store::FlowQuery query;
  query.gateway_id = gateway;
  query.limit = kAllBatches * kSummaries + 1;
  const auto read = store.flows(query, [&](const store::StoredFlow& stored) { totals.add(stored.flow); });
  if (!read) throw std::runtime_error(read.error().message);
  return totals;
}

TEST(Load, TwoThousandGatewaysCountOnceAndTheCollectorStaysSmall) {
  const TempDirectory directory;
  CollectorProcess collector(IRIS_COLLECTOR_PATH, directory.path(), kGateways);

  // Killed with batches of all of them on the way.
  Simulator killed(collector, kBatches);
  wait_until("the first batches", [&] { return windows_in(collector) >= kGateways; }, seconds(120));
  killed.kill();
  EXPECT_LT(windows_in(collector), kGateways * kBatches) << "it was done before it was killed";

  // The same gateways go on; some hang up once more.
  const json first = Simulator(collector, kBatches, {"--reconnect", "0.1"}).report();
  ASSERT_TRUE(first.at("complete")) << first << collector.words();
  EXPECT_EQ(first.at("connected"), kGateways);
  EXPECT_EQ(first.at("batches_acknowledged"), kGateways * kBatches);
  const long peak_kib = collector.peak_kib();

  const json second = Simulator(collector, kAllBatches).report();
  ASSERT_TRUE(second.at("complete")) << second << collector.words();
  const long later_peak_kib = collector.peak_kib();
  RecordProperty("peak_kib", std::to_string(peak_kib));
  RecordProperty("later_peak_kib", std::to_string(later_peak_kib));
  EXPECT_LT(later_peak_kib, kMostKib);
  EXPECT_LT(static_cast<double>(later_peak_kib), kMostGrowth * static_cast<double>(peak_kib));

  // Whoever sends it all again is told that it is there.
  const json again = Simulator(collector, kAllBatches, {"--gateways", "20"}).report();
  EXPECT_TRUE(again.at("complete"));
  EXPECT_EQ(again.at("batches_sent"), 0);
  EXPECT_EQ(collector.stop(), 0) << collector.words();

  const auto store = store::open_store(collector.url()).value();
  std::uint64_t summaries = 0;
  for (std::size_t i = 0; i < kGateways; ++i) {
    SCOPED_TRACE("gateway-" + std::to_string(i));
    const auto gateway = store->gateway_by_name("gateway-" + std::to_string(i)).value();
    ASSERT_TRUE(gateway);
    const simulator::GatewayTraffic traffic({.seed = kSeed, .summaries = kSummaries}, i);
    const auto truth = traffic.totals(kAllBatches);
    ASSERT_TRUE(totals_of(*store, gateway->id) == truth);
    summaries += truth.summaries;
    const auto account = store->ledger(gateway->id, {}).value();
    ASSERT_EQ(account.verdict(), "complete");
    ASSERT_EQ(account.produced, account.delivered);
    ASSERT_EQ(account.delivered, truth.events());
  }
  EXPECT_EQ(summaries, kGateways * kAllBatches * kSummaries);
}

}  // namespace
}  // namespace iris::test
