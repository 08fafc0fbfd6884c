// SPDX-License-Identifier: Apache-2.0
#include "pipeline/event_translator.h"

#include <csignal>
#include <cstring>

namespace iris::pipeline {
namespace {

flow::SocketEventType socket_type_of(std::uint16_t type) {
  switch (type) {
    case IRIS_EVENT_ACCEPT: return flow::SocketEventType::accept;
    case IRIS_EVENT_ESTABLISHED: return flow::SocketEventType::established;
    case IRIS_EVENT_FAILED: return flow::SocketEventType::failed;
    case IRIS_EVENT_CLOSE: return flow::SocketEventType::close;
    case IRIS_EVENT_LISTEN: return flow::SocketEventType::listen;
    case IRIS_EVENT_UDP: return flow::SocketEventType::udp;
    default: return flow::SocketEventType::connect;
  }
}

flow::ConnState conn_state_of(std::uint8_t state) {
  static_assert(static_cast<int>(flow::ConnState::OTH) == IRIS_CONN_OTH);
  return state <= IRIS_CONN_OTH ? static_cast<flow::ConnState>(state) : flow::ConnState::none;
}

bool is_fault(int signal) {
  switch (signal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGSYS:
    case SIGTRAP:
    case SIGQUIT: return true;
    default: return false;
  }
}

flow::ExitClass class_of(const flow::ExitRecord& exit) {
  if (exit.oom_killed) return flow::ExitClass::oom;
  if (exit.signal != 0) {
    return is_fault(exit.signal) && !exit.killed_by ? flow::ExitClass::crash : flow::ExitClass::killed;
  }
  return exit.exit_code != 0 ? flow::ExitClass::error : flow::ExitClass::clean;
}

}  // namespace

base::IpAddress address_of(const std::uint8_t (&bytes)[16]) {
  base::IpAddress address;
  std::memcpy(address.bytes.data(), bytes, sizeof bytes);
  return address;
}

flow::Role role_of(std::uint8_t role) {
  return role == IRIS_ROLE_RESPONDER ? flow::Role::responder : flow::Role::originator;
}

flow::SocketEvent EventTranslator::socket_event(const iris_socket_event& event) const {
  static_assert(static_cast<int>(flow::FailureReason::other) == IRIS_FAILURE_OTHER);
  flow::SocketEvent record;
  record.type = socket_type_of(event.header.type);
  record.wall_ns = to_wall_ns(event.header.time_ns, offset_);
  record.owner = lookups_.owner(event.header.cgroup_id);
  record.pid = event.header.pid;
  record.process = text_of(event.comm);
  record.protocol = event.protocol;
  record.local_address = address_of(event.local_address);
  record.local_port = event.local_port;
  record.peer_address = address_of(event.peer_address);
  record.peer_port = event.peer_port;
  record.role = role_of(event.role);
  if (event.failure < IRIS_FAILURES) record.reason = static_cast<flow::FailureReason>(event.failure);
  if (record.type == flow::SocketEventType::close) {
    record.originator_bytes = event.originator_bytes;
    record.responder_bytes = event.responder_bytes;
    record.duration_us = event.duration_us;
    record.conn_state = conn_state_of(event.conn_state);
  }
  return record;
}

flow::ExitRecord EventTranslator::exit(const iris_exit_event& event) const {
  flow::ExitRecord record;
  record.wall_ns = to_wall_ns(event.header.time_ns, offset_);
  record.owner = lookups_.owner(event.header.cgroup_id);
  record.pid = event.header.pid;
  record.process = text_of(event.comm);
  record.started_wall_ns = to_wall_ns(event.start_ns, offset_);
  record.signal = event.status & 0x7f;
  record.core_dumped = record.signal != 0 && (event.status & 0x80) != 0;
  record.exit_code = record.signal != 0 ? 0 : (event.status >> 8) & 0xff;

  const iris_killer& killer = event.killer;
  record.oom_killed = record.signal != 0 && killer.oom != 0;
  // The OOM killer runs in whoever asked for the memory, who is not to blame.
  if (record.signal != 0 && !record.oom_killed && killer.signal == record.signal && killer.pid != 0 &&
      killer.pid != record.pid) {
    record.killed_by = flow::ProcessRef{killer.pid, text_of(killer.comm), lookups_.owner(killer.cgroup_id)};
  }
  if (record.owner->kind == flow::OwnerKind::container) {
    record.main_process =
        event.namespace_init != 0 || (record.pid != 0 && lookups_.main_pid(record.owner->container_id) == record.pid);
  }
  record.exit_class = class_of(record);
  return record;
}

flow::ExecRecord EventTranslator::exec(const iris_exec_event& event) const {
  flow::ExecRecord record;
  record.wall_ns = to_wall_ns(event.header.time_ns, offset_);
  record.owner = lookups_.owner(event.header.cgroup_id);
  record.pid = event.header.pid;
  record.process = text_of(event.comm);
  record.executable = text_of(event.path);
  return record;
}

}  // namespace iris::pipeline
