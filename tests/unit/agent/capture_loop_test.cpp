// SPDX-License-Identifier: Apache-2.0
#include "agent/capture_loop.h"

#include <gtest/gtest.h>

#include "daemon/instance_lock.h"
#include "agent/metrics.h"

namespace iris::agent {
namespace {

using std::chrono::milliseconds;

flow::Ledger ledger() {
  flow::Ledger made;
  made.window_start_wall_ns = 1;
  made.window_end_wall_ns = 2;
  made.produced = made.delivered = 3;
  return made;
}

/// A window at the start and one at the end, with an exit behind it, as the tracer does.
class FakeCapture : public Capture {
 public:
  base::Result<void> run(flow::RecordSink& sink, std::function<void()> on_turn) override {
    window(sink);
    while (!stop_.load()) {
      on_turn();
      std::this_thread::sleep_for(milliseconds(1));
    }
    window(sink);
    sink.write(flow::ExitRecord{});
    sink.flush();
    return {};
  }
  void request_stop() override { stop_ = true; }
  pipeline::TracerStatus status() const override {
    pipeline::TracerStatus status;
    status.kernel_release = "6.0";
    return status;
  }
  std::vector<flow::ContainerRecord> containers() const override { return std::vector<flow::ContainerRecord>(2); }
  void set_devices(std::shared_ptr<const identity::DeviceIndex>) override {}

 private:
  static void window(flow::RecordSink& sink) {
    sink.write(flow::FlowRecord{});
    sink.write(ledger());
    sink.flush();
  }
  std::atomic<bool> stop_{false};
};

TEST(CaptureLoop, BatchesAnswersAndTheLastWindow) {
  BatchQueue queue(4, 100);
  CaptureLoop loop(std::make_unique<FakeCapture>(), queue, nullptr);
  std::atomic<bool> ended{false};
  loop.start([&ended] { ended = true; });
  EXPECT_EQ(queue.pop(milliseconds(5'000))->records.size(), 2U);
  const auto snapshot = loop.ask(milliseconds(5'000));
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->tracer.kernel_release, "6.0");
  EXPECT_EQ(snapshot->containers.size(), 2U);
  loop.stop();
  EXPECT_TRUE(ended);
  EXPECT_EQ(queue.pop(milliseconds(0))->records.size(), 3U) << "the exit behind the last window belongs to it";
  EXPECT_EQ(loop.counts().windows, 2U);
  EXPECT_EQ(loop.counts().total.produced, 6U);
  EXPECT_FALSE(loop.ask(milliseconds(10)));
}

TEST(InstanceLock, TheSecondIsToldWhoIsFirst) {
  const std::string path = ::testing::TempDir() + "iris_lock_" + std::to_string(getpid());
  {
    const auto first = daemon::InstanceLock::take(path);
    ASSERT_TRUE(first);
    const auto second = daemon::InstanceLock::take(path);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("irisd runs already, as process " + std::to_string(getpid())), std::string::npos);
  }
  EXPECT_TRUE(daemon::InstanceLock::take(path));
  unlink(path.c_str());
}

TEST(Metrics, NameLossByReason) {
  Measurements measurements;
  measurements.capture.total.dropped["ring_full"] = 4;
  measurements.ship.spool.bytes = 99;
  const std::string text = metrics_text(measurements);
  EXPECT_NE(text.find("iris_events_dropped_total{reason=\"ring_full\"} 4\n"), std::string::npos);
  EXPECT_NE(text.find("iris_spool_bytes 99\n"), std::string::npos);
  EXPECT_EQ(text.find("iris_uplink_connected"), std::string::npos) << "nothing is shipped";
  EXPECT_GT(own_rss_bytes(), 0U);
}

TEST(MetricsServer, DoesNotShareItsPort) {
  const auto measure = [] { return Measurements{}; };
  const auto first = MetricsServer::start("127.0.0.1", 0, measure);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(MetricsServer::start("127.0.0.1", (*first)->port(), measure));
}

}  // namespace
}  // namespace iris::agent
