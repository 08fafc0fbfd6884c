// SPDX-License-Identifier: Apache-2.0
#include "identity/device_diff.h"

#include <gmock/gmock.h>

#include "evidence_builder.h"

namespace iris::identity {
namespace {

using flow::Device;
using flow::DeviceRecord;
using Change = DeviceRecord::Change;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Device device(std::string id, std::string tags = {}) {
  Device made;
  made.id = std::move(id);
  made.tags = std::move(tags);
  return made;
}

std::vector<std::string> told(const std::vector<DeviceRecord>& records) {
  std::vector<std::string> lines;
  for (const auto& record : records) {
    EXPECT_EQ(record.wall_ns, 7U);
    lines.push_back(std::string(to_string(record.change)) + " " + record.device.id + record.device.tags);
  }
  return lines;
}

TEST(DeviceDiff, AtFirstEverythingIsPresent) {
  EXPECT_THAT(told(all_present(std::vector{device("b"), device("a")}, 7)), ElementsAre("present a", "present b"));
  EXPECT_THAT(all_present({}, 7), IsEmpty());
}

TEST(DeviceDiff, ChangesInOrderOfId) {
  const std::vector before{device("d", "1"), device("b"), device("a"), device("x")};
  const std::vector after{device("x"), device("c"), device("d", "2"), device("b"), device("z")};
  EXPECT_THAT(told(changes(before, after, 7)), ElementsAre("removed a", "added c", "updated d2", "added z"));
}

TEST(DeviceDiff, NothingChangedGivesNothing) {
  const std::vector some{device("a", "1"), device("b")};
  const std::vector turned{device("b"), device("a", "1")};
  EXPECT_THAT(changes(some, turned, 7), IsEmpty());
}

TEST(DeviceDiff, FromAndToNothing) {
  const std::vector some{device("a"), device("b")};
  EXPECT_THAT(told(changes({}, some, 7)), ElementsAre("added a", "added b"));
  EXPECT_THAT(told(changes(some, {}, 7)), ElementsAre("removed a", "removed b"));
}

TEST(DeviceDiff, EveryFieldCounts) {
  const auto changed = [](auto change) {
    Device other = device("a");
    change(other);
    return changes(std::vector{device("a")}, std::vector{other}, 7).size();
  };
  EXPECT_EQ(changed([](Device& d) { d.status = "running"; }), 1U);
  EXPECT_EQ(changed([](Device& d) { d.deployed = false; }), 1U);
  EXPECT_EQ(changed([](Device& d) { d.conflicts = {"x"}; }), 1U);
  EXPECT_EQ(changed([](Device& d) { d.addresses.emplace_back(); }), 1U);
  EXPECT_EQ(changed([](Device&) {}), 0U);
}

}  // namespace
}  // namespace iris::identity
