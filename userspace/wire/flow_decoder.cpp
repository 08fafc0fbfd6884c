// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "wire/checker.h"
#include "wire/flow_codec.h"
#include "wire/identity_codec.h"

namespace iris::wire {
namespace {

flow::FlowRecord flow_of(const v1::Flow& from, Checker& check) {
  flow::FlowRecord to;
  to.window_start_wall_ns = from.window_start_wall_ns();
  to.window_end_wall_ns = from.window_end_wall_ns();
  to.owner = check.owner(from.owner());
  to.role = check.enumeration(from.role(), flow::Role::responder, "role");
  to.protocol = check.number<std::uint8_t>(from.protocol(), "protocol");
  to.local_address = check.optional_address(from.local_address(), "local address");
  to.peer_address = check.optional_address(from.peer_address(), "peer address");
  to.service_port = check.number<std::uint16_t>(from.service_port(), "service port");
  to.peer_names = strings(from.peer_names());
  to.peer_owner = check.owner(from.peer_owner());
  to.peer_device = from.peer_device();
  to.scope = check.enumeration(from.scope(), flow::Scope::external, "scope");
  to.opened = from.opened();
  to.established = from.established();
  to.closed = from.closed();
  to.active = from.active();
  if (static_cast<std::size_t>(from.failed_size()) > to.failed.size()) {
    check.refuse("failure counts");
  } else {
    std::copy(from.failed().begin(), from.failed().end(), to.failed.begin());
  }
  to.originator_bytes = from.originator_bytes();
  to.responder_bytes = from.responder_bytes();
  to.originator_packets = from.originator_packets();
  to.responder_packets = from.responder_packets();
  to.retransmits = from.retransmits();
  if (from.has_rtt()) to.rtt_us = flow::RttSummary{from.rtt().min_us(), from.rtt().mean_us(), from.rtt().max_us()};
  to.first_seen_wall_ns = from.first_seen_wall_ns();
  to.last_seen_wall_ns = from.last_seen_wall_ns();
  to.processes = strings(from.processes());
  to.pre_existing = from.pre_existing();
  to.folded = from.folded();
  to.attribution = check.enumeration(from.attribution(), flow::Attribution::unknown, "attribution");
  return to;
}

flow::SocketEvent event_of(const v1::SocketEvent& from, Checker& check) {
  flow::SocketEvent to;
  to.type = check.enumeration(from.type(), flow::SocketEventType::udp, "event type");
  to.wall_ns = from.wall_ns();
  to.owner = check.owner(from.owner());
  to.pid = from.pid();
  to.process = from.process();
  to.protocol = check.number<std::uint8_t>(from.protocol(), "protocol");
  to.local_address = check.address(from.local_address(), "local address");
  to.local_port = check.number<std::uint16_t>(from.local_port(), "local port");
  to.peer_address = check.address(from.peer_address(), "peer address");
  to.peer_port = check.number<std::uint16_t>(from.peer_port(), "peer port");
  to.role = check.enumeration(from.role(), flow::Role::responder, "role");
  to.peer_names = strings(from.peer_names());
  if (from.reason() != v1::FAILURE_REASON_NONE) {
    to.reason = check.enumeration(from.reason() - 1, flow::FailureReason::other, "failure reason");
  }
  if (from.has_originator_bytes()) to.originator_bytes = from.originator_bytes();
  if (from.has_responder_bytes()) to.responder_bytes = from.responder_bytes();
  if (from.has_duration_us()) to.duration_us = from.duration_us();
  to.conn_state = check.enumeration(from.conn_state(), flow::ConnState::OTH, "connection state");
  return to;
}

flow::ExitRecord exit_of(const v1::Exit& from, Checker& check) {
  flow::ExitRecord to;
  to.wall_ns = from.wall_ns();
  to.owner = check.owner(from.owner());
  to.pid = from.pid();
  to.process = from.process();
  to.executable = from.executable();
  to.exit_code = from.exit_code();
  to.signal = from.signal();
  to.core_dumped = from.core_dumped();
  to.oom_killed = from.oom_killed();
  to.main_process = from.main_process();
  if (from.has_killed_by()) {
    to.killed_by = flow::ProcessRef{from.killed_by().pid(), from.killed_by().process(),
                                    check.owner(from.killed_by().owner())};
  }
  to.started_wall_ns = from.started_wall_ns();
  if (from.has_stack()) {
    to.stack.emplace();
    for (const auto& frame : from.stack().frames()) {
      to.stack->push_back({frame.build_id(), frame.offset(), frame.symbol(), frame.module()});
    }
  }
  to.exit_class = check.enumeration(from.exit_class(), flow::ExitClass::oom, "exit class");
  return to;
}

flow::Ledger ledger_of(const v1::Ledger& from) {
  flow::Ledger to{from.window_start_wall_ns(), from.window_end_wall_ns(), from.sequence(), from.produced(),
                  from.delivered(),            from.folded(),             {}};
  for (const auto& drop : from.dropped()) to.dropped[drop.reason()] += drop.count();
  return to;
}

flow::ContainerRecord container_of(const v1::Container& from, Checker& check) {
  flow::ContainerRecord to;
  to.wall_ns = from.wall_ns();
  to.change = check.enumeration(from.change(), flow::ContainerRecord::Change::removed, "container change");
  to.owner = check.owner(from.owner());
  to.pid = from.pid();
  to.addresses = check.addresses(from.addresses());
  return to;
}

}  // namespace

base::Result<void> RecordDecoder::add_owner(const v1::Owner& from) {
  if (from.number() == 0 || from.number() > kMaxOwnerNumber) return base::fail("owner number out of range");
  const std::size_t cost = from.ByteSizeLong() + static_cast<std::size_t>(from.labels_size()) * kLabelOverheadBytes;
  if (cost > kMaxOwnerBytes) return base::fail("owner too large");
  Checker check(slots_);
  flow::Owner to;
  to.kind = check.enumeration(from.kind(), flow::OwnerKind::container, "owner kind");
  to.cgroup_id = from.cgroup_id();
  to.container_id = from.container_id();
  to.name = from.name();
  to.image = from.image();
  to.runtime = from.runtime();
  to.module_id = from.module_id();
  to.device_id = from.device_id();
  to.cgroup_path = from.cgroup_path();
  for (const auto& label : from.labels()) to.labels[label.key()] = label.value();
  if (check.fault() != nullptr) return base::fail(std::string(check.fault()) + " out of range");
  if (from.number() > slots_.size()) slots_.resize(from.number());
  slots_[from.number() - 1] = std::make_shared<const flow::Owner>(std::move(to));
  return {};
}

base::Result<flow::Record> RecordDecoder::decode(const v1::Message& message) const {
  Checker check(slots_);
  flow::Record record;
  switch (message.kind_case()) {
    case v1::Message::kFlow: record = flow_of(message.flow(), check); break;
    case v1::Message::kSocketEvent: record = event_of(message.socket_event(), check); break;
    case v1::Message::kExit: record = exit_of(message.exit(), check); break;
    case v1::Message::kExec: {
      const auto& exec = message.exec();
      record = flow::ExecRecord{exec.wall_ns(), check.owner(exec.owner()), exec.pid(), exec.process(), exec.executable()};
      break;
    }
    case v1::Message::kDns: {
      const auto& dns = message.dns();
      record = flow::DnsRecord{dns.wall_ns(), check.owner(dns.owner()), dns.question_name(),
                               check.addresses(dns.addresses()),
                               check.number<std::uint8_t>(dns.response_code(), "response code")};
      break;
    }
    case v1::Message::kLedger: record = ledger_of(message.ledger()); break;
    case v1::Message::kContainer: record = container_of(message.container(), check); break;
    case v1::Message::kDevice: record = device_change_of(message.device(), check); break;
    case v1::Message::kSecurityEvent: record = security_of(message.security_event(), check); break;
    default: return base::fail("not a record");
  }
  if (check.fault() != nullptr) return base::fail(std::string(check.fault()) + " out of range");
  return record;
}

}  // namespace iris::wire
