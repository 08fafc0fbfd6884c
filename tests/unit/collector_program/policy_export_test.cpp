// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "../policy/workload.h"
#include "analysis/packed_state.h"
#include "collector_program/commands.h"
#include "collector_program/policy_export.h"
#include "collector_program/service.h"
#include "detect/judge.h"
#include "temporary_directory.h"

namespace iris::collector {
namespace {

using namespace policy::testing;
using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint64_t kNow = kStart + 3 * kDay;

/// A store with a module on gw1, the profile of its image, and a neighbour.
class PolicyExport : public ::testing::Test {
 protected:
  PolicyExport() {
    auto opened = store::open_store("sqlite:" + (directory_.path() / "collector.db").string());
    EXPECT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    for (const char* name : {"gw1", "gw2"}) EXPECT_TRUE(store_->add_gateway(name, std::string(32, name[2]), kStart));
    profiles_.keys = [this]() -> base::Result<std::vector<std::string>> { return keys_; };
    profiles_.load = [this](const std::string& key) -> base::Result<profile::Profile> {
      loaded_ = key;
      return workload_.profile;
    };
    request_.name = "modbus1";
    request_.format = "nftables";
    put("gw1", workload_.flows, kStart + 2 * kDay);
  }

  void put(const std::string& gateway, std::vector<flow::FlowRecord> flows, std::uint64_t start_ns) {
    store::IngestBatch batch;
    batch.gateway_id = store_->gateway_by_name(gateway).value()->id;
    batch.epoch = 7;
    batch.first_sequence = batch.last_sequence = ++sequence_;
    for (auto& flow : flows) {
      flow.window_start_wall_ns = flow.first_seen_wall_ns = flow.last_seen_wall_ns = start_ns;
      flow.window_end_wall_ns = start_ns + 10 * kSecond;
      batch.batch.records.emplace_back(flow);
    }
    const auto done = store_->commit({&batch, 1}, kNow);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_EQ(done->front(), store::CommitResult::committed);
  }

  base::Result<PolicyText> run(bool as_json = false) { return export_policy(request_, as_json, profiles_, *store_, kNow); }

  std::string refusal() {
    const auto text = run();
    return text ? "it was not refused" : text.error().message;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<store::Store> store_;
  Workload workload_;
  std::vector<std::string> keys_{"gw1/host/host", "gw1/service/ssh.service", "image/registry/modbus", "image/registry/opc"};
  std::string loaded_;
  std::uint64_t sequence_ = 0;
  ProfileSource profiles_;
  PolicyRequest request_;
};

TEST_F(PolicyExport, TakesAddressesFromTheStore) {
  const auto text = run().value();
  EXPECT_EQ(loaded_, "image/registry/modbus");
  EXPECT_THAT(text.out, HasSubstr("elements = { 172.18.0.5 }"));
  EXPECT_THAT(text.out, HasSubstr("198.51.100.7 . tcp . 8883"));
  EXPECT_THAT(text.out, HasSubstr("10.0.0.20 . tcp . 8080"));
  EXPECT_THAT(text.notes, Contains(HasSubstr("example.org (name): by the addresses of these days")));
}

TEST_F(PolicyExport, LooksAtSevenDaysOnly) {
  put("gw1", {opens("198.51.100.200", 8883, "mqtt.example.org")}, kNow - 8 * kDay);
  EXPECT_THAT(run().value().out, Not(HasSubstr("198.51.100.200")));
  put("gw1", {opens("198.51.100.200", 8883, "mqtt.example.org")}, kNow - 6 * kDay);
  EXPECT_THAT(run().value().out, HasSubstr("198.51.100.200 . tcp . 8883"));
}

TEST_F(PolicyExport, OthersAreNotMixedIn) {
  auto other = opens("198.51.100.200", 8883, "mqtt.example.org");
  auto owner = std::make_shared<flow::Owner>(*other.owner);
  owner->image = "registry/opc:2";
  other.owner = owner;
  put("gw1", {other}, kNow - kDay / 2);
  // Two images of modules of one name: which is meant?
  EXPECT_THAT(refusal(), HasSubstr("name one:\n  image/registry/modbus\n  image/registry/opc"));
  request_.name = "image/registry/modbus";
  EXPECT_THAT(run().value().out, Not(HasSubstr("198.51.100.200")));
}

TEST_F(PolicyExport, OnSeveralGatewaysOneMustBeChosen) {
  auto there = opens("198.51.100.9", 8883, "mqtt.example.org");
  there.local_address = base::IpAddress::parse("172.19.0.5");
  put("gw2", {there}, kNow - kDay);
  EXPECT_THAT(refusal(), HasSubstr("--gateway: gw1, gw2"));
  request_.gateway = "gw2";
  const auto text = run().value().out;
  EXPECT_THAT(text, HasSubstr("172.19.0.5"));
  EXPECT_THAT(text, HasSubstr("198.51.100.9 . tcp . 8883"));
  EXPECT_THAT(text, Not(HasSubstr("198.51.100.7")));
  request_.gateway = "gw3";
  EXPECT_THAT(refusal(), HasSubstr("no gateway 'gw3'"));
}

TEST_F(PolicyExport, DryRunSaysWhatWouldBeLost) {
  request_.dry_run = true;
  EXPECT_THAT(run().value().out, HasSubstr("verdict: nothing would have been lost"));
  put("gw1", {opens("192.0.2.66", 6667)}, kNow - kDay);
  EXPECT_THAT(run().value().out, HasSubstr("tcp/6667"));
  const auto result = json::parse(run(true).value().out);
  EXPECT_EQ(result["lost"]["conversations"], 1);
  EXPECT_EQ(result["allowed"]["conversations"], workload_.flows.size());
}

TEST_F(PolicyExport, JsonHoldsTheDocument) {
  request_.format = "mud";
  const auto whole = json::parse(run(true).value().out);
  EXPECT_EQ(whole["profile"], "image/registry/modbus");
  const auto mud = json::parse(whole["document"].get<std::string>());
  EXPECT_EQ(mud["ietf-mud:mud"]["mud-url"], "https://mud.invalid/modbus.json");
  EXPECT_THAT(whole["notes"].dump(), HasSubstr("the MUD URL leads nowhere"));
}

TEST_F(PolicyExport, WrongUsageIsSaid) {
  request_.name = "nobody";
  EXPECT_THAT(refusal(), HasSubstr("no profile of 'nobody' (4 are known)"));
  request_.name = "modbus1";
  request_.format = "mud";
  request_.enforce = true;
  EXPECT_THAT(refusal(), HasSubstr("--enforce is for nftables"));
  request_.enforce = false;
  request_.format = "nftables";
  request_.mud_url = "https://mud.example.com/x";
  EXPECT_THAT(refusal(), HasSubstr("--mud-url is for --format mud"));
  request_.mud_url.clear();
  request_.format = "iptables";
  EXPECT_THAT(refusal(), HasSubstr("mud, nftables or networkpolicy"));
}

TEST_F(PolicyExport, WhatIsNotMatureNeedsForce) {
  workload_ = Workload(habits(), 0.01);
  EXPECT_THAT(refusal(), HasSubstr("--force"));
  request_.force = true;
  EXPECT_THAT(run().value().notes, Contains(HasSubstr("FORCED")));
}

/// The whole command: the profile as the judge keeps it in the store, the flows of just now.
TEST_F(PolicyExport, TheCommandReadsWhatTheJudgeKept) {
  detect::Judge judge;
  judge.set_profile("image/registry/modbus", workload_.profile);
  std::vector<store::JudgeState> states;
  for (const auto& state : judge.save_changed()) states.push_back(analysis::packed(state).value());
  ASSERT_TRUE(store_->checkpoint(states, 0, kNow));
  put("gw1", workload_.flows, now_wall_ns() - 3600 * kSecond);
  Options options;
  options.command = Options::Command::profile_export;
  options.policy = request_;
  Config config;
  config.store = "sqlite:" + (directory_.path() / "collector.db").string();
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto done = run_policy_command(options, config);
  const auto out = ::testing::internal::GetCapturedStdout();
  const auto err = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(out, HasSubstr("198.51.100.7 . tcp . 8883"));
  EXPECT_THAT(err, HasSubstr("iris-collector: note: to tcp/8883 of example.org (name)"));
}

TEST(ProfilesNamed, AsPeopleNameThem) {
  const std::vector<std::string> keys{"gw1/device/gw1/modbus1/PowerMeter-01", "gw1/service/ssh.service",
                                      "gw2/service/ssh.service", "image/a/modbus", "image/b/modbus", "image/registry:5000/opc"};
  auto owner = std::make_shared<flow::Owner>();
  owner->kind = flow::OwnerKind::container;
  owner->module_id = "plant";
  owner->image = "b/modbus:3";
  const std::vector<flow::OwnerPtr> owners{owner, nullptr};
  EXPECT_THAT(profiles_named("image/a/modbus", keys, owners), ElementsAre("image/a/modbus"));
  EXPECT_THAT(profiles_named("plant", keys, owners), ElementsAre("image/b/modbus"));
  EXPECT_THAT(profiles_named("b/modbus:7", keys, owners), ElementsAre("image/b/modbus"));
  EXPECT_THAT(profiles_named("registry:5000/opc", keys, owners), ElementsAre("image/registry:5000/opc"));
  EXPECT_THAT(profiles_named("opc", keys, owners), ElementsAre("image/registry:5000/opc"));
  EXPECT_THAT(profiles_named("modbus", keys, owners), ElementsAre("image/a/modbus", "image/b/modbus"));
  EXPECT_THAT(profiles_named("ssh", keys, owners), ElementsAre("gw1/service/ssh.service", "gw2/service/ssh.service"));
  EXPECT_THAT(profiles_named("gw1/modbus1/PowerMeter-01", keys, owners), ElementsAre("gw1/device/gw1/modbus1/PowerMeter-01"));
  EXPECT_THAT(profiles_named("", keys, owners), IsEmpty());
  EXPECT_THAT(profiles_named("mod", keys, owners), IsEmpty());
}

}  // namespace
}  // namespace iris::collector
