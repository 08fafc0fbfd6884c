// SPDX-License-Identifier: Apache-2.0
#include "agent/known_alerts.h"

#include <gmock/gmock.h>

#include <thread>

#include "wire/json_alert.h"

namespace iris::agent {
namespace {

using ::testing::ElementsAre;

std::string alert(const std::string& id, const std::string& more = "") {
  return R"({"type":"alert","id":")" + id + "\"" + more + "}";
}

TEST(KnownAlerts, TheSameAlertTakesThePlaceOfWhatWasToldOfIt) {
  KnownAlerts known;
  EXPECT_TRUE(known.take(alert("a")));
  EXPECT_TRUE(known.take(alert("b")));
  EXPECT_TRUE(known.take(alert("a", R"(,"count":2)")));
  EXPECT_THAT(known.all(), ElementsAre(alert("b"), alert("a", R"(,"count":2)")));
}

TEST(KnownAlerts, WhatIsNoAlertIsNotKept) {
  KnownAlerts known;
  EXPECT_FALSE(known.take("{"));
  EXPECT_FALSE(known.take(alert("a", ",\"peer\":\n1")));
  EXPECT_THAT(known.all(), ElementsAre());
}

TEST(KnownAlerts, TheLastOnesAreKept) {
  KnownAlerts known;
  for (std::size_t i = 0; i < KnownAlerts::kMost + 5; ++i) EXPECT_TRUE(known.take(alert(std::to_string(i))));
  const auto all = known.all();
  ASSERT_EQ(all.size(), KnownAlerts::kMost);
  EXPECT_EQ(all.front(), alert("5"));
  EXPECT_EQ(all.back(), alert(std::to_string(KnownAlerts::kMost + 4)));
}

TEST(KnownAlerts, AlsoBoundedInBytes) {
  KnownAlerts known;
  const std::string large = R"(,"summary":")" + std::string(wire::kMaxAlertBytes - 100, 'x') + "\"";
  for (std::size_t i = 0; i < KnownAlerts::kMost; ++i) EXPECT_TRUE(known.take(alert(std::to_string(i), large)));
  std::size_t bytes = 0;
  for (const auto& json : known.all()) bytes += json.size();
  EXPECT_LE(bytes, KnownAlerts::kMostBytes);
  EXPECT_GT(bytes, KnownAlerts::kMostBytes - wire::kMaxAlertBytes);
  EXPECT_EQ(known.all().back(), alert(std::to_string(KnownAlerts::kMost - 1), large));
}

TEST(KnownAlerts, AreReadWhileTheyAreTaken) {
  KnownAlerts known;
  std::thread taker([&] {
    for (int i = 0; i < 2000; ++i) known.take(alert(std::to_string(i % 50)));
  });
  for (int i = 0; i < 200; ++i) EXPECT_LE(known.all().size(), 50U);
  taker.join();
  EXPECT_EQ(known.all().size(), 50U);
}

}  // namespace
}  // namespace iris::agent
