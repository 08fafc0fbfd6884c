// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "policy/dry_run.h"
#include "workload.h"

namespace iris::policy {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::Not;
using nlohmann::json;

json dry_run(const Policy& policy, Format format, const std::vector<flow::FlowRecord>& flows, Side side = Side::owner) {
  DryRun run(policy, format);
  for (const auto& record : flows) run.add("gw1", record, side);
  return json::parse(run.json());
}

TEST(DryRun, NothingOfWhatIsUsualIsLost) {
  Workload workload;
  const auto policy = workload.make().value();
  for (const auto format : {Format::mud, Format::nftables, Format::network_policy}) {
    const auto result = dry_run(policy, format, workload.flows);
    EXPECT_EQ(result["lost"]["conversations"], 0) << to_string(format);
    EXPECT_EQ(result["allowed"]["conversations"], workload.flows.size()) << to_string(format);
    EXPECT_EQ(result["verdict"], "nothing would have been lost");
  }
}

TEST(DryRun, WhatIsNewIsLostAndSaidSo) {
  Workload workload;
  auto policy = workload.make().value();
  auto flows = workload.flows;
  flows.push_back(opens("192.0.2.66", 6667));
  flows.push_back(opens("198.51.100.7", 22, "mqtt.example.org"));  // known peer, other port
  flows.push_back(is_called("10.0.0.66", 8080));                   // known service, other caller
  const auto result = dry_run(policy, Format::nftables, flows);
  EXPECT_EQ(result["lost"]["conversations"], 3);
  EXPECT_EQ(result["lost"]["bytes"], 3 * 1400);
  EXPECT_EQ(result["lost_by_peer"].size(), 3u);
  DryRun run(policy, Format::nftables);
  for (const auto& record : flows) run.add("gw1", record, Side::owner);
  EXPECT_TRUE(run.would_lose());
  EXPECT_THAT(run.text(), HasSubstr("  to   192.0.0.0/16 (network)                   tcp/6667                  1 conversations, 1 answered, 1.4 kB\n"));
  EXPECT_THAT(run.text(), HasSubstr("  from 10.0.0.66 (lan)                          tcp/8080 "));
  EXPECT_THAT(run.text(), HasSubstr("verdict: 3 conversations (3 of them answered) and 4.2 kB would have been lost, 30 % of the bytes, at 3 peers' services\n"));
}

/// The same name at another address: MUD follows the name, a firewall does not.
TEST(DryRun, AsTheFormatReallyEnforcesIt) {
  Workload workload;
  const auto policy = workload.make().value();
  const std::vector moved{opens("198.18.0.99", 8883, "mqtt.example.org")};
  EXPECT_EQ(dry_run(policy, Format::mud, moved)["lost"]["conversations"], 0);
  EXPECT_EQ(dry_run(policy, Format::nftables, moved)["lost"]["conversations"], 1);
  EXPECT_EQ(dry_run(policy, Format::network_policy, moved)["lost"]["conversations"], 1);
  // MUD can only say "local" of a neighbour: another one gets through as well.
  const std::vector neighbour{opens("10.0.0.77", 502)};
  EXPECT_EQ(dry_run(policy, Format::mud, neighbour)["lost"]["conversations"], 0);
  EXPECT_EQ(dry_run(policy, Format::nftables, neighbour)["lost"]["conversations"], 1);
  const std::vector outside{opens("198.18.0.99", 502)};
  EXPECT_EQ(dry_run(policy, Format::mud, outside)["lost"]["conversations"], 1);
}

TEST(DryRun, WhatTheFormatCannotSayIsLost) {
  const std::vector flows{opens("198.51.100.7", 8883, "mqtt.example.org"), opens("198.51.100.9", 0, "", 1)};
  const auto policy = Workload(flows).make(true).value();
  EXPECT_EQ(dry_run(policy, Format::nftables, flows)["lost"]["conversations"], 0);
  EXPECT_EQ(dry_run(policy, Format::network_policy, flows)["lost"]["conversations"], 1);
}

TEST(DryRun, WhatIsNotFilteredIsNotLost) {
  Workload workload;
  auto policy = workload.make().value();
  auto inside = opens("127.0.0.1", 9999);
  inside.scope = flow::Scope::loopback;
  const std::vector flows{inside};
  for (const auto format : {Format::mud, Format::nftables, Format::network_policy})
    EXPECT_EQ(dry_run(policy, format, flows)["not_filtered"]["conversations"], 1);
  // A NetworkPolicy does not reach pods on the host's network; nftables does by cgroup.
  const std::vector strange{opens("192.0.2.66", 6667)};
  policy.places[0].host_network = true;
  EXPECT_EQ(dry_run(policy, Format::network_policy, strange)["not_filtered"]["conversations"], 1);
  EXPECT_EQ(dry_run(policy, Format::nftables, strange)["lost"]["conversations"], 1);
  policy.places[0].cgroup_path.clear();
  EXPECT_EQ(dry_run(policy, Format::nftables, strange)["not_filtered"]["conversations"], 1);
}

TEST(DryRun, WhatCannotBeJudgedIsCountedApart) {
  Workload workload;
  auto folded = opens("198.51.100.7", 8883);
  folded.folded = true;
  folded.peer_address.reset();
  const auto result = dry_run(workload.make().value(), Format::nftables, {folded});
  EXPECT_EQ(result["not_known"]["conversations"], 1);
  EXPECT_EQ(result["lost"]["conversations"], 0);
}

TEST(DryRun, DynamicPortsAreOneService) {
  const std::vector flows{opens("10.0.0.9", 49152)};
  const auto policy = Workload(flows).make(true).value();
  EXPECT_EQ(dry_run(policy, Format::nftables, {opens("10.0.0.9", 50000)})["lost"]["conversations"], 0);
  EXPECT_EQ(dry_run(policy, Format::nftables, {opens("10.0.0.9", 32767)})["lost"]["conversations"], 1);
}

TEST(DryRun, DevicesAreSeenFromTheirSide) {
  auto poll = opens("10.0.0.9", 502);
  poll.peer_device = "meter-1";
  profile::Profile meter;
  for (std::uint64_t time = kStart; time < kStart + 2 * kDay; time += 600 * kSecond) {
    poll.window_end_wall_ns = time;
    meter.learn(profile::observe_from_peer(poll), profile::Lesson::normal);
  }
  Builder builder("gw1/device/meter-1", meter);
  builder.add("gw1", poll, Side::device);
  const auto policy = builder.finish(kStart, kStart + kDay, false).value();
  ASSERT_EQ(policy.rules.size(), 1u);
  EXPECT_EQ(policy.rules[0].text(), "called on tcp/502 of modbus1 (module)");
  EXPECT_EQ(policy.rules[0].addresses[0].to_string(), "172.18.0.5");
  EXPECT_EQ(policy.places[0].addresses[0].to_string(), "10.0.0.9");
  EXPECT_EQ(dry_run(policy, Format::nftables, {poll}, Side::device)["lost"]["conversations"], 0);
  auto other = poll;
  other.owner = module_owner("intruder", "beef");
  other.local_address = base::IpAddress::parse("172.18.0.66");
  EXPECT_EQ(dry_run(policy, Format::nftables, {other}, Side::device)["lost"]["conversations"], 1);
}

TEST(DryRun, IsBounded) {
  Workload workload;
  const auto policy = workload.make().value();
  DryRun run(policy, Format::nftables);
  for (int i = 0; i < 10'000; ++i) run.add("gw1", opens("10." + std::to_string(i / 250) + ".7." + std::to_string(i % 250), 81), Side::owner);
  const auto result = json::parse(run.json());
  EXPECT_EQ(result["lost"]["conversations"], 10'000);
  EXPECT_EQ(result["lost_by_peer"].size(), DryRun::kMaxLines);
  EXPECT_EQ(result["more_peers"], DryRun::kMaxKinds - DryRun::kMaxLines);
  EXPECT_THAT(run.text(), HasSubstr("at more than 4096 peers' services"));
}

TEST(DryRun, HostileLabelsStayInTheirLine) {
  Workload workload;
  const auto policy = workload.make().value();
  for (const auto& text : hostile_texts()) {
    auto record = opens("10.0.0.9", 81);
    record.peer_device = text + "x";
    DryRun run(policy, Format::nftables);
    run.add("gw1", record, Side::owner);
    const auto out = run.text();
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 12);
    EXPECT_THAT(out, Not(HasSubstr("\x1b")));
    EXPECT_TRUE(json::accept(run.json()));
  }
}

}  // namespace
}  // namespace iris::policy
