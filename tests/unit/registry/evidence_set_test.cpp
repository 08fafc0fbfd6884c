// SPDX-License-Identifier: Apache-2.0
#include "registry/evidence_set.h"

#include <gtest/gtest.h>

namespace iris::registry {
namespace {

using identity::Evidence;

Evidence device(const std::string& name, const std::string& tags = "") {
  Evidence evidence;
  evidence.name = name;
  evidence.tags = tags;
  return evidence;
}

std::vector<Evidence> all_of(const EvidenceSet& set) {
  std::vector<identity::SharedEvidence> shared;
  set.append_to(shared);
  std::vector<Evidence> all;
  for (const auto& one : shared) all.push_back(*one);
  return all;
}

std::uint64_t print_of(const std::vector<Evidence>& evidence) { return fingerprint(identity::share(evidence)); }

TEST(EvidenceSet, TheLaterOfTwoStatementsCounts) {
  EvidenceSet set(10, 10'000);
  set.add(device("a", "{\"v\":1}"));
  set.add(device("b"));
  set.add(device("a", "{\"v\":2}"));
  ASSERT_EQ(set.size(), 2u);
  EXPECT_EQ(all_of(set)[0].tags, "{\"v\":2}");
  auto of_another_source = device("a");
  of_another_source.source = identity::Source::edge_hub;
  set.add(of_another_source);
  EXPECT_EQ(set.size(), 3u);
}

TEST(EvidenceSet, WhatDidNotChangeIsHeldOnce) {
  EvidenceSet former(10, 10'000);
  for (const char* name : {"a", "b", "c"}) former.add(device(name, "{\"v\":1}"));
  EvidenceSet set(10, 10'000);
  set.add(device("a", "{\"v\":1}"), &former);
  set.add(device("b", "{\"v\":2}"), &former);
  std::vector<identity::SharedEvidence> before, after;
  former.append_to(before);
  set.append_to(after);
  EXPECT_EQ(after[0], before[0]);
  EXPECT_NE(after[1], before[1]);
  EXPECT_EQ(after[1]->tags, "{\"v\":2}");
}

TEST(EvidenceSet, LeavesOutAndCountsWhatIsBeyondItsCount) {
  EvidenceSet set(2, 10'000);
  for (const char* name : {"a", "b", "c", "d", "a"}) set.add(device(name));
  EXPECT_EQ(set.size(), 2u);
  EXPECT_EQ(set.left_out(), 2u);
  EXPECT_TRUE(set.full());
}

TEST(EvidenceSet, KeepsIdentitiesWhenTagsTakeTooMuch) {
  EvidenceSet set(100, 3000);
  for (int i = 0; i < 10; ++i) set.add(device("device" + std::to_string(i), std::string(1000, 'x')));
  EXPECT_EQ(set.size(), 10u);
  EXPECT_EQ(set.thinned(), 8u);
  EXPECT_EQ(all_of(set)[0].tags.size(), 1000u);
  EXPECT_EQ(all_of(set)[9].tags, "");
}

TEST(EvidenceFingerprint, ChangesWithEveryField) {
  const std::vector<Evidence> before{device("a")};
  const auto print = print_of(before);
  EXPECT_EQ(print_of({device("a")}), print);
  const auto differs = [&](auto change) {
    auto after = before;
    change(after[0]);
    return print_of(after) != print;
  };
  EXPECT_TRUE(differs([](Evidence& e) { e.source = identity::Source::edgex; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.kind = flow::DeviceKind::module; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.name = "b"; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.parent = "b"; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.module_id = "b"; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.tags = "b"; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.configuration = "b"; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.status = "b"; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.deployed = false; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.connected = true; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.hardware_ids = {"b"}; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.addresses = {{std::nullopt, 0, 0, "b"}}; }));
  EXPECT_TRUE(differs([](Evidence& e) { e.addresses = {{base::IpAddress{}, 1, 0, ""}}; }));
}

}  // namespace
}  // namespace iris::registry
