// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

flow::FlowRecord datagrams(const Lab& lab, std::uint64_t packets) {
  auto record = lab.out("203.0.113.5", 80);
  record.protocol = 17;
  record.established = record.closed = 0;
  record.originator_packets = packets;
  record.originator_bytes = packets * 1000;
  record.responder_packets = record.responder_bytes = 0;
  return record;
}

TEST(Flood, TakingPartIsFoundInItsFirstWindowAndIsOneAlert) {
  Lab lab;
  for (int i = 0; i < 30; ++i) {
    lab.see(datagrams(lab, 40'000));
    lab.next();
  }
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "flood_participant");
  ASSERT_NE(alert, nullptr);
  EXPECT_EQ(alert->alert_class, AlertClass::denial_of_service);
  EXPECT_EQ(alert->wall_ns, kStart + 10 * kSecond);
  EXPECT_EQ(alert->count, 30u);
  EXPECT_EQ(alert->expected->unit, "packets/s");
  EXPECT_DOUBLE_EQ(*alert->observed, 4000);
  EXPECT_EQ(find(alerts, "exfiltration"), nullptr) << "nobody there to receive anything";
}

TEST(Flood, ACameraThatAlwaysStreamsIsNone) {
  Lab lab;
  for (int i = 0; i < 2000; ++i) {
    auto record = datagrams(lab, i < 1900 ? 8'000 : 15'000);  // and more of it at night
    record.responder_packets = 20;                            // a report now and then
    lab.see(record);
    lab.next();
  }
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Flood, OfConnectionsInVain) {
  Lab lab;
  lab.see(Lab::vain(lab.out("203.0.113.5", 80), 5000));
  lab.next();
  EXPECT_NE(find(lab.alerts(), "flood_participant"), nullptr);
}

TEST(Flood, OfAServiceFarBeyondItsBusiestWindow) {
  Lab lab;
  for (int i = 0; i < 30; ++i) {
    auto poll = lab.in("10.0.0.20", 102);
    poll.originator_packets = 80;
    poll.responder_packets = 60;
    lab.see(poll);
    lab.next();
  }
  auto flood = lab.in("10.0.0.66", 102);
  flood.originator_packets = 2300;
  flood.responder_packets = 2400;
  flood.originator_bytes = 80'000;
  flood.responder_bytes = 50'000;
  lab.see(flood);
  lab.next();
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "service_flood");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_EQ(alert->peer, "10.0.0.66");
}

TEST(Flood, VictimOfManyStrangers) {
  Lab lab;
  for (int i = 0; i < 200; ++i) lab.see(Lab::vain(lab.in(fmt::format("10.1.{}.{}", i / 100, 1 + i % 100), 8883), 40));
  lab.next();
  EXPECT_NE(find(lab.alerts(), "flood_victim"), nullptr);
}

TEST(Flood, FarMoreConnectionsThanEver) {
  Lab lab;
  lab.routine(26);
  auto many = lab.out("198.51.100.7", 8883, "mqtt.example.org");
  many.opened = many.established = many.closed = 900;
  lab.see(many);
  lab.next();
  const auto alerts = lab.alerts();
  EXPECT_NE(find(alerts, "connection_volume"), nullptr) << text(alerts);
}

}  // namespace
}  // namespace iris::detect
