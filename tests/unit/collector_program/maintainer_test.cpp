// SPDX-License-Identifier: Apache-2.0
#include "collector_program/maintainer.h"

#include <gtest/gtest.h>

#include "temporary_directory.h"

namespace iris::collector {
namespace {

using std::chrono::milliseconds;

TEST(Maintainer, WorksBySlicesAndEndsAtOnce) {
  const TemporaryDirectory directory;
  const auto store = store::open_store("sqlite:" + (directory.path() / "m.db").string());
  ASSERT_TRUE(store);
  const auto begin = std::chrono::steady_clock::now();
  {
    const Maintainer maintainer(**store, {}, [] { return 1'767'355'200ULL * 1'000'000'000; }, milliseconds(5));
    while (maintainer.status().slices < 3 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_GE(maintainer.status().slices, 3U);
    EXPECT_EQ(maintainer.status().fault, "");
  }
  const auto idle = std::chrono::steady_clock::now();
  { const Maintainer waits_a_minute(**store, {}, [] { return 1'767'355'200ULL * 1'000'000'000; }); }
  EXPECT_LT(std::chrono::steady_clock::now() - idle, std::chrono::seconds(5));
}

}  // namespace
}  // namespace iris::collector
