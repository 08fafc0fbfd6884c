// SPDX-License-Identifier: Apache-2.0
// The harness on a folder with planted attacks, whose table is known beforehand.
#include <nlohmann/json.hpp>

#include "data_folder.h"
#include "protocol.h"
#include "table.h"

namespace iris::detection {
namespace {

using testing::DataFolder;
using testing::kStart;

constexpr const char* kDevice = "192.168.1.5";

std::string routine(double start, double hours, const std::string& device = kDevice) {
  std::string lines;
  for (double t = 0; t < hours * 3600; t += 120) {
    lines += DataFolder::line(start + t, device, "198.51.100.7", 8883, "SF");
    lines += DataFolder::line(start + t + 1, device, "192.168.1.1", 53, "SF", "Benign", "-", "udp");
  }
  return lines;
}

Result run(const DataFolder& data, std::size_t line = 0) {
  const auto folder = read_folder(data.path);
  EXPECT_TRUE(folder) << (folder ? "" : folder.error().message);
  auto result = run_line(*folder, folder->protocol.at(line));
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? std::move(*result) : Result{};
}

// 198.51.100.0/24 and 203.0.113.0/24 count as private; the Internet of these tests is 8.0.0.0/8.
std::string internet(std::string lines) {
  for (std::size_t at = 0; (at = lines.find("198.51.100.", at)) != std::string::npos;)
    lines.replace(at, 11, "8.51.100.");
  return lines;
}

TEST(Harness, ABenignDeviceHasNoAlertsAndItsDaysAreCounted) {
  DataFolder data;
  data.scenario("quiet", "benign", "sensor 192.168.1.5", "T", "fraction:0.4");
  data.flows("quiet", internet(routine(kStart, 50)));
  const auto result = run(data);
  EXPECT_TRUE(result.alerts.empty());
  EXPECT_NEAR(result.device_days, 30.0 / 24, 0.01);
  EXPECT_EQ(result.group, "iot");
  EXPECT_EQ(result.false_alarms, 0u);
  EXPECT_TRUE(result.incidents.empty());
}

TEST(Harness, PlantedCommandAndControlIsFoundInItsClassWithItsDelay) {
  DataFolder data;
  data.scenario("bot", "malware", "bot on 192.168.1.5", "I", "benign");
  std::string lines = routine(kStart, 30);
  for (int i = 0; i < 20; ++i)
    lines += DataFolder::line(kStart + 30 * 3600 + i * 60, kDevice, "8.8.100.9", 4554, "S0", "Malicious", "C&C");
  data.flows("bot", internet(lines));
  const auto result = run(data);
  ASSERT_EQ(result.incidents.size(), 1u);
  EXPECT_TRUE(result.incidents[0].detected);
  EXPECT_TRUE(result.incidents[0].right_class);
  EXPECT_LE(result.incidents[0].delay, 20);
  EXPECT_EQ(result.incidents[0].alerts, 1u);
  EXPECT_EQ(result.false_alarms, 0u);
  const auto table = json_table({result});
  EXPECT_EQ(table["groups"]["iot I"]["detected"]["share"], 1.0);
  EXPECT_EQ(table["groups"]["all"]["precision"]["share"], 1.0);
  const auto alert = nlohmann::json::parse(alert_lines(result));
  EXPECT_EQ(alert["device"], kDevice);
  EXPECT_EQ(alert["class"], "command_and_control");
  EXPECT_EQ(alert["peer"], "8.8.100.9");
  EXPECT_NEAR(alert["time"].get<double>(), kStart + 30 * 3600 + 10, 10);
  EXPECT_TRUE(alert.contains("rule") && alert.contains("severity") && alert.contains("count"));
}

TEST(Harness, WhatIsNotLabelledIsAFalseAlarmUnlessNamedAmbiguous) {
  DataFolder data;
  data.scenario("noise", "benign", "sensor 192.168.1.5", "T", "fraction:0.5");
  std::string lines = routine(kStart, 60);
  for (int i = 0; i < 20; ++i) lines += DataFolder::line(kStart + 60 * 3600 + i * 60, kDevice, "8.8.100.9", 4554, "S0");
  data.flows("noise", internet(lines));
  auto result = run(data);
  EXPECT_EQ(result.false_alarms, 1u);
  EXPECT_EQ(result.matched, std::vector<char>{'f'});
  EXPECT_EQ(result.false_hours.size(), 1u);
  data.ambiguous("noise\t8.8.100.9\t4554\ttcp");
  result = run(data);
  EXPECT_EQ(result.alerts.size(), 1u);
  EXPECT_EQ(result.false_alarms, 0u);
}

TEST(Harness, ModesPAndTDifferInWhatTeaches) {
  DataFolder data;
  data.scenario("poison", "malware", "bot on 192.168.1.5", "T", "fraction:0.5");
  data.scenario("poison", "malware", "bot on 192.168.1.5", "P", "fraction:0.5");
  std::string lines;
  for (int hour = 0; hour < 60; ++hour) {  // present from the first hour, and always answered
    lines += routine(kStart + hour * 3600, 0.95);
    lines += DataFolder::line(kStart + hour * 3600 + 3500, kDevice, "8.8.100.9", 4554, "SF", "Malicious", "C&C");
  }
  data.flows("poison", internet(lines));
  EXPECT_GT(run(data, 0).incidents.size(), 20u) << "gaps above half an hour part incidents";
  const auto clean = run(data, 0), poisoned = run(data, 1);
  EXPECT_EQ(clean.incidents.size(), poisoned.incidents.size());
  const auto detected = [](const Result& r) {
    return std::count_if(r.incidents.begin(), r.incidents.end(), [](const Incident& i) { return i.detected; });
  };
  EXPECT_EQ(detected(clean), static_cast<std::ptrdiff_t>(clean.incidents.size()));
  EXPECT_EQ(detected(poisoned), 0) << "what was there from the first hour and always answered is normal";
  const auto text = text_table({clean, poisoned});
  EXPECT_NE(text.find("poisoned learning"), std::string::npos);
}

TEST(Harness, AnInboundAttackMatchesAndAHarmlessLoginDoesNot) {
  DataFolder data;
  data.scenario("lab", "industrial network", "PLC", "I", "benign");
  std::string lines;
  for (int i = 0; i < 400; ++i) lines += DataFolder::line(kStart + i * 10, "10.0.0.20", "10.0.0.10", 502, "SF");
  for (int i = 0; i < 40; ++i)
    lines += DataFolder::line(kStart + 4100 + i * 0.1, "10.0.0.66", "10.0.0.10", 1000 + i, "S0", "Malicious",
                              "BAD-PORTSCAN1");
  lines += DataFolder::line(kStart + 9000, "10.0.0.20", "10.0.0.10", 22, "SF", "Malicious", "GOOD-SSH/GOOD-SSH");
  data.flows("lab", lines);
  data.event("la*", kStart + 8990, kStart + 9010, "GOOD-SSH");
  const auto result = run(data);
  EXPECT_EQ(result.group, "industrial");
  ASSERT_EQ(result.incidents.size(), 1u);
  EXPECT_TRUE(result.incidents[0].right_class);
  EXPECT_LE(result.incidents[0].delay, 60);
}

TEST(Harness, LearnsFromCapturesScenariosAndFiles) {
  DataFolder data;
  data.scenario("caps", "benign setup", "plug 192.168.1.5", "T", "captures:2");
  data.scenario("other", "benign", "plug 192.168.1.5", "T", "scenario:caps");
  data.scenario("file", "benign", "plug 192.168.1.5", "T", "path:flows/caps.tsv.gz");
  std::string lines;
  for (int capture = 0; capture < 3; ++capture)
    for (int i = 0; i < 20; ++i)
      lines += DataFolder::line(kStart + capture * 1e6 + i, kDevice, "8.51.100.7", 443, "SF", "Benign",
                                fmt::format("setup-{}", capture));
  data.flows("caps", lines);
  data.flows("other", routine(kStart, 2));
  data.flows("file", routine(kStart, 2));
  EXPECT_EQ(run(data, 0).stats.connections, 60u);
  EXPECT_NEAR(run(data, 0).device_days, 19.5 / 86400, 1e-3) << "the month between captures is nobody's";
  EXPECT_EQ(run(data, 1).stats.connections, 60u + 120u);
  EXPECT_EQ(run(data, 2).stats.connections, 60u + 120u);
}

TEST(Harness, LongConversationsAreSpreadOverTheirWindows) {
  DataFolder data;
  data.scenario("long", "benign", "plug 192.168.1.5", "T", "fraction:0.0");
  data.flows("long",
             fmt::format("{:.6f}\t{}\t40000\t8.51.100.7\t443\ttcp\t100\t10000\t10000\t100\t100\tSF\t-\tBenign\t-\tx\n",
                         kStart, kDevice));
  EXPECT_EQ(run(data).stats.summaries, 11u);  // ten windows of traffic, and the one that it closes in
}

TEST(Harness, DevicesWithPublicAddressesAreFoundByTheirNetwork) {
  const Scenario scenario{"x", "benign", "alarm"};
  std::vector<Connection> connections;
  for (int i = 0; i < 4; ++i) {
    Connection c;
    c.src = "129.94.5.90";
    c.dst = fmt::format("8.8.{}.8", i);
    c.src_ip = base::IpAddress::parse(c.src);
    c.dst_ip = base::IpAddress::parse(c.dst);
    c.protocol = 6;
    connections.push_back(c);
  }
  const Network network(scenario, connections);
  EXPECT_EQ(network.devices(), std::set<std::string>{"129.94.5.90"});
  EXPECT_FALSE(network.local(*base::IpAddress::parse("8.8.1.8")));
}

TEST(Harness, DamagedDataIsAnErrorWithTheFilesName) {
  DataFolder data;
  EXPECT_FALSE(read_folder(data.path / "nowhere"));
  data.scenario("quiet", "benign", "sensor", "T", "fraction:0.4");
  const auto folder = read_folder(data.path);
  ASSERT_TRUE(folder);
  const auto missing = run_line(*folder, folder->protocol[0]);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("quiet.tsv.gz"), std::string::npos);
  data.flows("quiet", "not a number\tonly two\n");
  EXPECT_FALSE(run_line(*folder, folder->protocol[0]));
}

}  // namespace
}  // namespace iris::detection
