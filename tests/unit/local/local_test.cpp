// SPDX-License-Identifier: Apache-2.0
// Both ends of the local interface, with an agent that is none.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "local/grpc_client.h"
#include "local/server.h"

namespace iris::local {
namespace {

using std::chrono::milliseconds;

class FakeBackend : public Backend {
 public:
  base::Result<AgentStatus> status() override {
    AgentStatus status;
    status.version = "1.2.3";
    status.window = milliseconds(10'000);
    status.tracer.kernel_release = "6.0";
    status.tracer.programs.push_back({"p", true, "d", 1, 2, 3, 4});
    status.tracer.map_bytes["m"] = 5;
    status.tracer.total.dropped["ring_full"] = 6;
    status.spool.windows = 7;
    status.uplink = ship::UplinkStatus{true, "", 1, 2, 3, 4, 5, 6};
    status.self_test = {{"connect", false, "why"}};
    return status;
  }
  base::Result<std::vector<flow::DeviceRecord>> devices() override {
    flow::DeviceRecord change;
    change.device.id = "gw1/modbus1/PowerMeter-01";
    change.device.tags = R"({"site":"plant-a"})";
    return std::vector<flow::DeviceRecord>{change};
  }
  base::Result<std::vector<flow::ContainerRecord>> containers() override {
    flow::Owner owner;
    owner.kind = flow::OwnerKind::container;
    owner.name = "modbus";
    flow::ContainerRecord record;
    record.owner = std::make_shared<const flow::Owner>(owner);
    return std::vector{record};
  }
  base::Result<std::vector<std::string>> alerts() override {
    return std::vector<std::string>{R"({"id":"a"})", "{\"id\":\"\xff\"}"};
  }
  base::Result<std::vector<pipeline::SelfTestStep>> self_test() override {
    return base::fail("run as root", base::Error::Kind::permission);
  }
};

class Collecting : public flow::RecordSink {
 public:
  void write(const flow::Record& record) override {
    if (std::holds_alternative<flow::FlowRecord>(record)) ++flows;
    if (std::holds_alternative<flow::ExitRecord>(record)) ++exits;
    const auto* ledger = std::get_if<flow::Ledger>(&record);
    if (ledger == nullptr) return;
    ++ledgers;
    for (const auto& [reason, count] : ledger->dropped) lost += reason == "slow_reader" ? count : 0;
    balanced = balanced && ledger->produced == ledger->delivered + lost_in(*ledger);
  }
  static std::uint64_t lost_in(const flow::Ledger& ledger) {
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : ledger.dropped) sum += count;
    return sum;
  }
  std::uint64_t flows = 0;
  std::uint64_t exits = 0;
  std::uint64_t ledgers = 0;
  std::uint64_t lost = 0;
  bool balanced = true;
};

class Local : public ::testing::Test {
 protected:
  Local() : path_(::testing::TempDir() + "irisd_" + std::to_string(getpid()) + "/sock") {
    options_.socket = path_;
    options_.max_watchers = 2;
  }
  ~Local() override {
    server_.reset();
    rmdir(path_.substr(0, path_.rfind('/')).c_str());
  }

  void serve() {
    auto started = Server::start(options_, backend_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  void window(std::size_t flows, std::uint64_t number) {
    for (std::size_t i = 0; i < flows; ++i) {
      flow::FlowRecord flow;
      flow.service_port = static_cast<std::uint16_t>(i);
      flow.processes = {std::string(name_bytes_, 'p')};
      server_->write(flow);
    }
    server_->write(flow::ExitRecord{});
    flow::Ledger ledger;
    ledger.sequence = number;
    ledger.window_end_wall_ns = number;
    server_->write(ledger);
    server_->flush();
  }

  std::string path_;
  std::size_t name_bytes_ = 15;
  ServerOptions options_;
  FakeBackend backend_;
  std::unique_ptr<Server> server_;
};

TEST_F(Local, StatusContainersAndErrorsComeThrough) {
  serve();
  const auto client = make_client(path_);
  const auto status = client->status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->version, "1.2.3");
  EXPECT_EQ(status->window, milliseconds(10'000));
  EXPECT_EQ(status->tracer.programs.at(0).recursion_misses, 4U);
  EXPECT_EQ(status->tracer.map_bytes.at("m"), 5U);
  EXPECT_EQ(status->tracer.total.dropped.at("ring_full"), 6U);
  EXPECT_EQ(status->spool.windows, 7U);
  EXPECT_EQ(status->uplink->acknowledged_sequence, 2U);
  EXPECT_EQ(status->uplink->alerts, 5U);
  EXPECT_EQ(status->uplink->malformed_alerts, 6U);
  EXPECT_EQ(status->self_test.at(0).detail, "why");
  const auto containers = client->containers();
  ASSERT_TRUE(containers && containers->size() == 1);
  EXPECT_EQ(containers->front().owner->name, "modbus");
  const auto devices = client->devices();
  ASSERT_TRUE(devices && devices->size() == 1);
  EXPECT_EQ(devices->front().device.id, "gw1/modbus1/PowerMeter-01");
  EXPECT_EQ(devices->front().device.tags, R"({"site":"plant-a"})");
  const auto alerts = client->alerts();
  ASSERT_TRUE(alerts) << alerts.error().message;
  EXPECT_EQ(*alerts, (std::vector<std::string>{R"({"id":"a"})", "{\"id\":\"\xff\"}"}));
  const auto tested = client->self_test();
  ASSERT_FALSE(tested);
  EXPECT_EQ(tested.error().kind, base::Error::Kind::permission);
  EXPECT_EQ(tested.error().message, "irisd: run as root");
}

TEST_F(Local, TheSocketIsForTheGroupOnlyAndGoesWithTheServer) {
  serve();
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
  server_->stop();
  EXPECT_NE(stat(path_.c_str(), &status), 0);
}

TEST_F(Local, AWatchGetsWhatItAskedForAndTheLedgers) {
  serve();
  const auto client = make_client(path_);
  ASSERT_TRUE(client->start_watch({.flows = true}));
  for (std::uint64_t number = 1; number <= 3; ++number) window(100, number);
  Collecting sink;
  WatchEnd end;
  end.windows = 3;
  ASSERT_TRUE(client->run_watch(sink, end));
  EXPECT_EQ(sink.flows, 300U);
  EXPECT_EQ(sink.exits, 0U);
  EXPECT_EQ(sink.ledgers, 3U);
  EXPECT_EQ(sink.lost, 0U);
}

TEST_F(Local, ASlowReaderLosesRecordsAndIsToldHowMany) {
  options_.max_waiting_bytes = 64 * 1024;
  name_bytes_ = 2000;  // more than gRPC and the socket hold between them
  serve();
  const auto client = make_client(path_);
  ASSERT_TRUE(client->start_watch({.flows = true}));
  constexpr std::uint64_t kWindows = 40;
  for (std::uint64_t number = 1; number <= kWindows; ++number) {
    window(1000, number);  // nobody reads
    std::this_thread::sleep_for(milliseconds(5));
  }
  Collecting sink;
  std::thread last([&] {  // what was lost since the last ledger comes in the next
    std::this_thread::sleep_for(milliseconds(500));
    window(0, kWindows + 1);
  });
  WatchEnd end;
  end.windows = kWindows + 1;
  ASSERT_TRUE(client->run_watch(sink, end));
  last.join();
  EXPECT_GT(sink.lost, 0U);
  EXPECT_EQ(sink.flows + sink.lost, kWindows * 1000);
  EXPECT_TRUE(sink.balanced);
  EXPECT_EQ(server_->status().lost_records, sink.lost);
}

TEST_F(Local, WatchersAreBounded) {
  serve();
  const auto first = make_client(path_);
  const auto second = make_client(path_);
  const auto third = make_client(path_);
  EXPECT_TRUE(first->start_watch({}));
  EXPECT_TRUE(second->start_watch({}));
  const auto refused = third->start_watch({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "irisd: too many programs watch already");
  EXPECT_EQ(server_->status().refused, 1U);
}

TEST_F(Local, AStopEndsTheWatchOnBothSides) {
  serve();
  const auto stopped = make_client(path_);
  ASSERT_TRUE(stopped->start_watch({.exits = true}));
  stopped->request_stop();
  Collecting sink;
  EXPECT_TRUE(stopped->run_watch(sink, {}));

  const auto client = make_client(path_);
  ASSERT_TRUE(client->start_watch({.exits = true}));
  std::thread end([&] { server_->stop(); });
  const auto ended = client->run_watch(sink, {});
  end.join();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "irisd: irisd ends");
}

TEST_F(Local, NobodyThereIsAnError) { EXPECT_FALSE(make_client(path_)->status()); }

}  // namespace
}  // namespace iris::local
