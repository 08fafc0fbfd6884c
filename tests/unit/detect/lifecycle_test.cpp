// SPDX-License-Identifier: Apache-2.0
#include "detect/lifecycle.h"

#include "lab.h"

namespace iris::detect {
namespace {

using namespace testing;

flow::ExitRecord killed(const Lab& lab, const std::string& killer, const flow::OwnerPtr& by, int signal = 9) {
  flow::ExitRecord exit;
  exit.wall_ns = lab.now;
  exit.owner = lab.owner;
  exit.process = "modbusd";
  exit.executable = "/usr/bin/modbusd";
  exit.main_process = true;
  exit.signal = signal;
  exit.exit_class = flow::ExitClass::killed;
  exit.killed_by = flow::ProcessRef{77, killer, by};
  return exit;
}

flow::OwnerPtr service(const std::string& name) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::service;
  owner.cgroup_id = 5;
  owner.name = name;
  return std::make_shared<const flow::Owner>(owner);
}

TEST(Lifecycle, PlannedStopsAreNoAlerts) {
  Lab lab;
  lab.see(killed(lab, "dockerd", service("docker.service")));
  lab.see(killed(lab, "containerd-shim-runc-v2", service("containerd.service")));
  lab.see(killed(lab, "dotnet", module("edgeAgent"), 15));
  lab.see(killed(lab, "systemd", service("init.scope"), 15));
  auto clean = killed(lab, "", nullptr);
  clean.killed_by = std::nullopt;
  clean.signal = 0;
  clean.exit_class = flow::ExitClass::clean;
  lab.see(clean);
  const auto alerts = lab.alerts();
  EXPECT_TRUE(alerts.empty()) << text(alerts);
}

TEST(Lifecycle, AKillNamesTheKiller) {
  Lab lab;
  lab.see(killed(lab, "dropper", module("edgeHub")));
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].alert_class, AlertClass::crash);
  EXPECT_EQ(alerts[0].rule, "ungraceful_shutdown");
  EXPECT_NE(alerts[0].summary.find("SIGKILL by dropper[77] of edgeHub"), std::string::npos) << alerts[0].summary;
  EXPECT_EQ(alerts[0].evidence.size(), 1u);
}

TEST(Lifecycle, CrashAndOutOfMemory) {
  Lab lab;
  auto crash = killed(lab, "", nullptr, 11);
  crash.killed_by = std::nullopt;
  crash.exit_class = flow::ExitClass::crash;
  crash.stack = std::vector<flow::StackFrame>{{"", 0, "parse_register", ""}};
  lab.see(crash);
  auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_NE(alerts[0].summary.find("SIGSEGV in parse_register"), std::string::npos) << alerts[0].summary;
  Lab other;
  auto oom = killed(other, "", nullptr);
  oom.killed_by = std::nullopt;
  oom.oom_killed = true;
  oom.exit_class = flow::ExitClass::oom;
  other.see(oom);
  alerts = other.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_NE(alerts[0].summary.find("memory"), std::string::npos);
}

TEST(Lifecycle, RestartsAboutToBeUsedUp) {
  Lab lab;
  for (int i = 0; i < 4; ++i) {
    auto exit = killed(lab, "", nullptr, 0);
    exit.killed_by = std::nullopt;
    exit.exit_code = 1;
    exit.exit_class = flow::ExitClass::error;
    lab.see(exit);
    lab.next(60);
  }
  const auto alerts = lab.alerts();
  const auto* alert = find(alerts, "restart_exhaustion");
  ASSERT_NE(alert, nullptr) << text(alerts);
  EXPECT_DOUBLE_EQ(*alert->observed, 4);
}

TEST(Lifecycle, ProcessesThatAreNewOrOnTheList) {
  Lab lab;
  flow::ExecRecord exec;
  exec.owner = lab.owner;
  exec.executable = "/usr/bin/modbusd";
  exec.wall_ns = lab.now;
  lab.see(exec);
  lab.routine(30);
  EXPECT_TRUE(lab.alerts().empty());
  exec.wall_ns = lab.now;
  exec.executable = "/bin/sh";
  lab.see(exec);
  auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].rule, "anomalous_process");
  exec.executable = "/tmp/xmrig";
  lab.see(exec);
  alerts = lab.alerts();
  EXPECT_NE(find(alerts, "blacklisted_process"), nullptr);
}

TEST(Lifecycle, UnauthorizedDevices) {
  Lab lab;
  flow::SecurityRecord record;
  record.wall_ns = lab.now;
  record.device_id = "thermostat-9";
  record.operation = "deviceConnect";
  record.code = "401003";
  record.remote_address = "203.0.113.XXX";
  lab.judge.add("gw1", record);
  auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].alert_class, AlertClass::unauthorized_access);
  EXPECT_EQ(alerts[0].device, "thermostat-9");
  EXPECT_EQ(alerts[0].severity, Severity::medium);
  for (int i = 0; i < 6; ++i) lab.judge.add("gw1", record);
  alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].severity, Severity::high) << "a burst is worse";
  EXPECT_EQ(alerts[0].count, 7u);
  record.device_id = "other";
  record.reason = flow::SecurityReason::token_expired;
  lab.judge.add("gw1", record);
  EXPECT_TRUE(lab.alerts().empty());
}

TEST(Lifecycle, AnAgentThatFellSilentOrWasKilled) {
  Lab lab;
  lab.next();
  lab.now += 3600 * kSecond;
  lab.judge.end_window("gw1", lab.now);
  auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].rule, "agent_silent");
  EXPECT_EQ(alerts[0].alert_class, AlertClass::agent_tampering);
  flow::ExitRecord exit = killed(lab, "bash", nullptr);
  exit.owner = service("irisd.service");
  exit.process = "irisd";
  lab.see(exit);
  alerts = lab.alerts();
  ASSERT_NE(find(alerts, "agent_killed"), nullptr) << text(alerts);
}

TEST(Lifecycle, AToldGapIsOneSilenceNotTwo) {
  Lab lab;
  lab.next();
  flow::Batch batch;
  batch.start_wall_ns = lab.now + 7200 * kSecond;
  batch.end_wall_ns = batch.start_wall_ns + 10 * kSecond;
  batch.gaps.push_back({lab.now, batch.start_wall_ns, "agent_stopped", 0, 0});
  lab.judge.add("gw1", batch);
  const auto alerts = lab.alerts();
  ASSERT_EQ(alerts.size(), 1u) << text(alerts);
  EXPECT_EQ(alerts[0].count, 1u);
}

}  // namespace
}  // namespace iris::detect
