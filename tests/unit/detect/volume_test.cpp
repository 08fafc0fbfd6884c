// SPDX-License-Identifier: Apache-2.0
#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

TEST(Volume, SentToAStranger) {
  Lab lab;
  lab.routine(30);
  auto record = lab.out("203.0.113.66", 443, "drop.example.net");
  record.originator_bytes = 9'000'000;
  lab.see(record);
  lab.next();
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "exfiltration");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_EQ(alert->alert_class, AlertClass::data_exfiltration);
  EXPECT_EQ(alert->expected->unit, "bytes");
  EXPECT_DOUBLE_EQ(*alert->observed, 9'000'000);
}

TEST(Volume, BitByBitToAnAccusedPeer) {
  Lab lab;
  lab.routine(30);
  for (int i = 0; i < 60; ++i) {
    auto record = lab.out("203.0.113.66", 4433);
    record.originator_bytes = 200'000;
    lab.see(record);
    lab.next(1800);
  }
  EXPECT_NE(find(lab.alerts(), "slow_exfiltration"), nullptr);
}

TEST(Volume, FarMoreThanEverToAKnownPeer) {
  Lab lab;
  lab.routine(24 * 3);
  auto record = lab.out("198.51.100.7", 8883, "mqtt.example.org");
  record.originator_bytes = 80'000'000;
  record.originator_packets = 60'000;
  lab.see(record);
  lab.next();
  const auto alerts = lab.alerts();
  EXPECT_NE(find(alerts, "exfiltration"), nullptr) << text(alerts);
}

TEST(Volume, FromReceivingToSending) {
  Lab lab;
  for (int hour = 0; hour < 60; ++hour) {
    auto record = lab.out("198.51.100.7", 8883, "mqtt.example.org");
    record.originator_bytes = 100'000;
    record.responder_bytes = 5'000'000;
    lab.see(record);
    lab.next(3590);
  }
  auto record = lab.out("198.51.100.7", 8883, "mqtt.example.org");
  record.originator_bytes = 6'000'000;
  record.responder_bytes = 100'000;
  lab.see(record);
  lab.next();
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "producer_consumer_ratio");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_LT(alert->expected->high, 0);
  EXPECT_GT(*alert->observed, 0.9);
}

TEST(Volume, ADailyUploadThatWasLearnedIsNone) {
  Lab lab;
  for (int day = 0; day < 40; ++day) {
    auto record = lab.out("198.51.100.7", 8883, "mqtt.example.org");
    record.originator_bytes = 50'000'000;
    lab.see(record);
    lab.next();
    lab.routine(24);
  }
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

}  // namespace
}  // namespace iris::detect
