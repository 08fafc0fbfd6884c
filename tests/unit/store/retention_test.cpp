// SPDX-License-Identifier: Apache-2.0
#include "store_fixture.h"

namespace iris::store {
namespace {

TEST_F(StoreTest, RollsUpWithoutChangingSums) {
  const auto id = add("one");
  const auto other = add("two");
  std::vector<IngestBatch> batches;
  for (std::uint64_t i = 1; i <= 20'000; ++i) batches.push_back(make_batch(id, i, i));  // 55 hours
  batches.push_back(make_batch(other, 1, 5));
  commit(batches);
  std::vector<std::uint64_t> before;
  for (std::uint64_t hour = 0; hour < 60; ++hour) before.push_back(bytes(id, {kNoon + hour * kHour, kNoon + (hour + 1) * kHour}));
  const auto total = bytes(id);
  EXPECT_EQ(total, 20'000ULL * 20'001 / 2);

  const Retention hourly{kDay, 30 * kDay, 100 * kDay};
  int slices = 0;
  while (store_->maintain(hourly, kNoon + 10 * kDay).value()) {
    ++slices;
    ASSERT_EQ(bytes(id), total);  // at every moment
  }
  EXPECT_GE(slices, 4);
  for (std::uint64_t hour = 0; hour < 60; ++hour) {
    EXPECT_EQ(bytes(id, {kNoon + hour * kHour, kNoon + (hour + 1) * kHour}), before[hour]) << hour;
  }
  EXPECT_LE(flows({{}, id, "", {}, {}, 1'000'000, 0}).size(), 57U);
  EXPECT_EQ(store_->ledger(id, {})->produced, 20'000U);

  commit({make_batch(id, 20'001, 7)});  // late: its hour is rolled up already
  while (store_->maintain({kDay, 2 * kDay, 100 * kDay}, kNoon + 10 * kDay).value()) {}
  EXPECT_EQ(bytes(id), total + 7);
  EXPECT_LE(flows({{}, id, "", {}, {}, 1'000'000, 0}).size(), 4U);

  while (store_->maintain({kDay, 2 * kDay, 5 * kDay}, kNoon + 100 * kDay).value()) {}
  EXPECT_EQ(bytes(id), 0U);
  EXPECT_EQ(bytes(other), 0U);
}

TEST_F(StoreTest, GivesSpaceBackAndGoesOnWithForgottenKeys) {
  const auto id = add("one");
  auto batch = make_batch(id, 1);
  for (std::uint16_t port = 1; port < 40'000; ++port) {
    batch.batch.records.push_back(make_flow(kNoon, "modbus", "198.51.100.7", port, 1));
  }
  commit({batch});
  reopen();  // checkpoints
  const auto file = directory_ / "iris.db";
  const auto full = std::filesystem::file_size(file);
  const Retention nothing{0, 0, 0};
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(store_->maintain(nothing, kNoon + 100 * kDay));
  EXPECT_TRUE(flows().empty());
  commit({make_batch(id, 2)});  // its key was deleted, and is made again
  EXPECT_EQ(bytes(id), 100U);
  EXPECT_EQ(store_->owners(id)->size(), 1U);
  reopen();
  EXPECT_LT(std::filesystem::file_size(file), full * 3 / 4);
}

}  // namespace
}  // namespace iris::store
