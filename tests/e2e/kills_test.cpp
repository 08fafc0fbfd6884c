// SPDX-License-Identifier: Apache-2.0
// Agent and collector are killed again and again, at any moment. What had left the
// kernel's window must be at the collector, once; the rest must have a name.
//
// 20 kills; IRIS_LONG=1 makes it 200.
#include <cstdlib>
#include <thread>

#include "torture_fixture.h"

namespace iris::test {
namespace {

std::size_t kills_wanted() { return std::getenv("IRIS_LONG") != nullptr ? 200 : 20; }

TEST_F(Torture, KilledAtAnyMomentNothingIsLostAndNothingCountsTwice) {
  make_collector();
  make_agent();
  start();
  while (agent_kills_ + collector_kills_ < kills_wanted()) {
    load(100 + up_to(400));
    // The collector dies at some moment of the window and of its way ...
    std::this_thread::sleep_for(milliseconds(up_to(1500)));
    if (collector_->runs()) kill_collector();
    if (up_to(3) > 0) collector_->start();
    // ... and the agent after the window has left the kernel, while it is being shipped.
    let_the_window_pass();
    if (up_to(2) == 0) {
      kill_agent();
      agent_->start();
    }
  }
  if (!collector_->runs()) collector_->start();
  expect_everything_once();
}

}  // namespace
}  // namespace iris::test
