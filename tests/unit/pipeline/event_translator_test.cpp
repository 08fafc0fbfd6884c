// SPDX-License-Identifier: Apache-2.0
#include "pipeline/event_translator.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

namespace iris::pipeline {
namespace {

constexpr std::uint64_t kModule = 100;
constexpr std::uint64_t kHost = 1;
constexpr std::uint32_t kMainPid = 500;
constexpr WallOffset kOffset = 1'000'000;

flow::OwnerPtr owner_of(std::uint64_t cgroup_id) {
  flow::Owner owner;
  owner.cgroup_id = cgroup_id;
  owner.name = "host";
  if (cgroup_id == kModule) {
    owner.kind = flow::OwnerKind::container;
    owner.container_id = "cafe";
    owner.name = "modbus";
  }
  return std::make_shared<const flow::Owner>(owner);
}

EventTranslator translator() {
  EventTranslator made({owner_of, [](const std::string& id) { return id == "cafe" ? kMainPid : 0; }});
  made.set_wall_offset(kOffset);
  return made;
}

iris_exit_event exit_event(int status, std::uint32_t pid = 700, std::uint64_t cgroup_id = kModule) {
  iris_exit_event event{};
  event.header.type = IRIS_EVENT_EXIT;
  event.header.pid = pid;
  event.header.time_ns = 2000;
  event.header.cgroup_id = cgroup_id;
  event.start_ns = 1000;
  event.status = status;
  std::memcpy(event.comm, "poller", 6);
  return event;
}

iris_killer killer(std::uint32_t pid, std::uint8_t signal, bool oom = false) {
  iris_killer made{};
  made.pid = pid;
  made.signal = signal;
  made.oom = oom;
  made.cgroup_id = kHost;
  std::memcpy(made.comm, "dockerd", 7);
  return made;
}

TEST(EventTranslator, CommWithoutZeroByteEndsWithItsField) {
  iris_exit_event event = exit_event(0);
  std::memset(event.comm, 'x', sizeof event.comm);
  std::memset(&event.killer, 'y', sizeof event.killer);
  EXPECT_EQ(translator().exit(event).process, std::string(16, 'x'));
}

TEST(EventTranslator, CloseCarriesTotalsAndOthersDoNot) {
  iris_socket_event event{};
  event.header = {IRIS_EVENT_CLOSE, 0, 0, 42, 5000, kModule};
  event.protocol = 6;
  event.role = IRIS_ROLE_RESPONDER;
  event.local_port = 502;
  event.peer_port = 40000;
  const auto peer = base::IpAddress::parse("198.51.100.7");
  std::memcpy(event.peer_address, peer->bytes.data(), 16);
  event.failure = IRIS_FAILURE_RESET;
  event.conn_state = IRIS_CONN_RSTO;
  event.originator_bytes = 12;
  event.responder_bytes = 34;
  event.duration_us = 56;
  const auto close = translator().socket_event(event);
  EXPECT_EQ(close.type, flow::SocketEventType::close);
  EXPECT_EQ(close.wall_ns, 1'005'000u);
  EXPECT_EQ(close.owner->name, "modbus");
  EXPECT_EQ(close.role, flow::Role::responder);
  EXPECT_EQ(close.peer_address, peer);
  EXPECT_EQ(close.reason, flow::FailureReason::reset);
  EXPECT_EQ(close.conn_state, flow::ConnState::RSTO);
  EXPECT_EQ(close.originator_bytes, 12u);
  EXPECT_EQ(close.responder_bytes, 34u);
  EXPECT_EQ(close.duration_us, 56u);

  event.header.type = IRIS_EVENT_ACCEPT;
  event.failure = IRIS_FAILURE_NONE;
  const auto accept = translator().socket_event(event);
  EXPECT_EQ(accept.type, flow::SocketEventType::accept);
  EXPECT_FALSE(accept.reason);
  EXPECT_FALSE(accept.originator_bytes || accept.responder_bytes || accept.duration_us);
  EXPECT_EQ(accept.conn_state, flow::ConnState::none);
}

TEST(EventTranslator, ExitCodeDecidesCleanOrError) {
  const auto clean = translator().exit(exit_event(0));
  EXPECT_EQ(clean.exit_class, flow::ExitClass::clean);
  EXPECT_EQ(clean.wall_ns, 1'002'000u);
  EXPECT_EQ(clean.started_wall_ns, 1'001'000u);
  const auto error = translator().exit(exit_event(137 << 8));
  EXPECT_EQ(error.exit_class, flow::ExitClass::error);
  EXPECT_EQ(error.exit_code, 137);
  EXPECT_EQ(error.signal, 0);
}

TEST(EventTranslator, FaultIsACrashUnlessSentByAnother) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGQUIT}) {
    auto event = exit_event(signal | 0x80);
    auto exit = translator().exit(event);
    EXPECT_EQ(exit.exit_class, flow::ExitClass::crash) << signal;
    EXPECT_EQ(exit.signal, signal);
    EXPECT_TRUE(exit.core_dumped);
    EXPECT_EQ(exit.exit_code, 0);
    event.killer = killer(event.header.pid, static_cast<std::uint8_t>(signal));  // raise()
    EXPECT_EQ(translator().exit(event).exit_class, flow::ExitClass::crash) << signal;
    event.killer = killer(9, static_cast<std::uint8_t>(signal));
    exit = translator().exit(event);
    EXPECT_EQ(exit.exit_class, flow::ExitClass::killed) << signal;
    ASSERT_TRUE(exit.killed_by);
    EXPECT_EQ(exit.killed_by->pid, 9u);
    EXPECT_EQ(exit.killed_by->process, "dockerd");
    EXPECT_EQ(exit.killed_by->owner->cgroup_id, kHost);
  }
}

TEST(EventTranslator, OtherSignalsKillWithOrWithoutAKiller) {
  auto event = exit_event(SIGTERM);
  EXPECT_EQ(translator().exit(event).exit_class, flow::ExitClass::killed);
  EXPECT_FALSE(translator().exit(event).killed_by);
  EXPECT_FALSE(translator().exit(event).core_dumped);
  event.killer = killer(9, SIGHUP);  // an earlier signal, which it survived
  EXPECT_FALSE(translator().exit(event).killed_by);
  event.killer = killer(9, SIGTERM);
  EXPECT_TRUE(translator().exit(event).killed_by);
}

TEST(EventTranslator, KillerOfAnExitWithoutSignalIsNone) {
  auto event = exit_event(0);
  event.killer = killer(9, SIGTERM);  // caught: it ended by itself
  EXPECT_FALSE(translator().exit(event).killed_by);
  event.killer = killer(9, 0);
  EXPECT_FALSE(translator().exit(event).killed_by);
  event.killer = killer(0, 0, true);
  EXPECT_EQ(translator().exit(event).exit_class, flow::ExitClass::clean);
}

TEST(EventTranslator, OomVictimHasNoKiller) {
  auto event = exit_event(SIGKILL);
  event.killer = killer(9, SIGKILL, true);
  const auto exit = translator().exit(event);
  EXPECT_EQ(exit.exit_class, flow::ExitClass::oom);
  EXPECT_TRUE(exit.oom_killed);
  EXPECT_FALSE(exit.killed_by);
}

TEST(EventTranslator, MainProcessIsOfContainersOnly) {
  EXPECT_FALSE(translator().exit(exit_event(0)).main_process);
  EXPECT_TRUE(translator().exit(exit_event(0, kMainPid)).main_process);
  EXPECT_FALSE(translator().exit(exit_event(0, kMainPid, kHost)).main_process);
  auto event = exit_event(0);
  event.namespace_init = 1;
  EXPECT_TRUE(translator().exit(event).main_process);
  event.header.cgroup_id = kHost;
  EXPECT_FALSE(translator().exit(event).main_process);
}

TEST(EventTranslator, ShortRecordIsNone) {
  const iris_exec_event event{};
  EXPECT_EQ(event_as<iris_exec_event>(event.header, sizeof event - 1), nullptr);
  EXPECT_EQ(event_as<iris_exec_event>(event.header, sizeof event), &event);
}

TEST(EventTranslator, PathThatFillsItsFieldIsWhole) {
  iris_exec_event event{};
  std::memset(event.path, 'p', sizeof event.path);
  EXPECT_EQ(translator().exec(event).executable, std::string(IRIS_PATH_LEN, 'p'));
}

TEST(EventTranslator, UnknownTimeStaysUnknown) {
  auto event = exit_event(0);
  event.start_ns = 0;
  EXPECT_EQ(translator().exit(event).started_wall_ns, 0u);
}

}  // namespace
}  // namespace iris::pipeline
