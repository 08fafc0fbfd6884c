// SPDX-License-Identifier: Apache-2.0
// A line between agent and collector that is cut, stalls and is slow.
#include <cstdlib>
#include <thread>

#include "relay/relay.h"
#include "torture_fixture.h"

namespace iris::test {
namespace {

class BadLine : public Torture {
 protected:
  void begin() {
    make_collector();
    relay_ = std::make_unique<Relay>(collector_->socket());
    make_agent("127.0.0.1:" + std::to_string(relay_->port()));
    start();
  }
  std::unique_ptr<Relay> relay_;
};

TEST_F(BadLine, CutInTheMidstOfFramesNothingCountsTwice) {
  begin();
  const int rounds = std::getenv("IRIS_LONG") != nullptr ? 100 : 12;
  for (int round = 0; round < rounds; ++round) {
    relay_->cut_after(static_cast<std::uint64_t>(up_to(900)));
    load(50 + up_to(200));
    std::this_thread::sleep_for(milliseconds(300 + up_to(900)));
    if (round % 3 == 2) relay_->cut();
    if (round % 6 == 5) {
      relay_->refuse(true);
      std::this_thread::sleep_for(milliseconds(800));
      relay_->refuse(false);
    }
  }
  EXPECT_GE(relay_->cuts(), static_cast<std::uint64_t>(rounds) / 4);
  relay_->cut_after(UINT64_MAX);
  expect_everything_once();
}

TEST_F(BadLine, SlowAndStalledItCatchesUp) {
  begin();
  load(200);
  ASSERT_TRUE(wait_for_everything());
  relay_->limit(400);
  const auto began = std::chrono::steady_clock::now();
  const std::uint64_t before = relay_->forwarded_bytes();
  for (int round = 0; round < 4; ++round) {
    load(100);
    std::this_thread::sleep_for(milliseconds(900));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  EXPECT_LE(static_cast<double>(relay_->forwarded_bytes() - before), 2 * 400 * (seconds + 1)) << "that was no slow line";
  EXPECT_GT(relay_->forwarded_bytes(), before);
  // Silent for longer than it takes to give a batch up, in the long variant; killed on both sides of the silence.
  relay_->stall(true);
  load(100);
  std::this_thread::sleep_for(std::getenv("IRIS_LONG") != nullptr ? milliseconds(90'000) : milliseconds(4'000));
  let_the_window_pass();
  kill_agent();
  kill_collector();
  agent_->start();
  load(100);
  collector_->start();
  relay_->limit(3'000);
  relay_->stall(false);
  load(100);
  expect_everything_once();
}

}  // namespace
}  // namespace iris::test
