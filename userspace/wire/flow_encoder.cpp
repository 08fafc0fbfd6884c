// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "wire/address_bytes.h"
#include "wire/flow_codec.h"
#include "wire/identity_codec.h"

namespace iris::wire {
namespace {

void set_address(std::string* field, const base::IpAddress& address) { field->assign(bytes_of(address)); }

// The enumerations of both sides have the same numbers by construction; the
// assertions keep it so.
static_assert(static_cast<int>(flow::OwnerKind::container) == v1::OWNER_KIND_CONTAINER);
static_assert(static_cast<int>(flow::Role::responder) == v1::ROLE_RESPONDER);
static_assert(static_cast<int>(flow::Scope::external) == v1::SCOPE_EXTERNAL);
static_assert(static_cast<int>(flow::Attribution::unknown) == v1::ATTRIBUTION_UNKNOWN);
static_assert(static_cast<int>(flow::FailureReason::other) + 1 == v1::FAILURE_REASON_OTHER);
static_assert(static_cast<int>(flow::SocketEventType::udp) == v1::SOCKET_EVENT_TYPE_UDP);
static_assert(static_cast<int>(flow::ConnState::OTH) == v1::CONN_STATE_OTH);
static_assert(static_cast<int>(flow::ExitClass::oom) == v1::EXIT_CLASS_OOM);
static_assert(static_cast<int>(flow::ContainerRecord::Change::removed) == v1::CONTAINER_CHANGE_REMOVED);

template <typename To, typename From>
To same(From value) {
  return static_cast<To>(static_cast<int>(value));
}

void fill_owner(v1::Owner& to, const flow::Owner& from, std::uint32_t number) {
  to.set_number(number);
  to.set_kind(same<v1::OwnerKind>(from.kind));
  to.set_cgroup_id(from.cgroup_id);
  const auto cut = [](const std::string& text) { return text.substr(0, kMaxOwnerTextBytes); };
  to.set_container_id(cut(from.container_id));
  to.set_name(cut(from.name));
  to.set_image(cut(from.image));
  to.set_runtime(cut(from.runtime));
  to.set_module_id(cut(from.module_id));
  to.set_device_id(cut(from.device_id));
  to.set_cgroup_path(cut(from.cgroup_path));
  std::size_t budget = kMaxOwnerLabelBytes;
  for (const auto& [key, value] : from.labels) {
    const std::size_t cost = key.size() + value.size() + kLabelOverheadBytes;
    if (cost > budget) continue;
    budget -= cost;
    auto* label = to.add_labels();
    label->set_key(key);
    label->set_value(value);
  }
}

void fill_record(v1::Flow& to, const flow::FlowRecord& from) {
  to.set_window_start_wall_ns(from.window_start_wall_ns);
  to.set_window_end_wall_ns(from.window_end_wall_ns);
  to.set_role(same<v1::Role>(from.role));
  to.set_protocol(from.protocol);
  if (from.local_address) set_address(to.mutable_local_address(), *from.local_address);
  if (from.peer_address) set_address(to.mutable_peer_address(), *from.peer_address);
  to.set_service_port(from.service_port);
  for (const auto& name : from.peer_names) to.add_peer_names(name);
  to.set_peer_device(from.peer_device);
  to.set_scope(same<v1::Scope>(from.scope));
  to.set_opened(from.opened);
  to.set_established(from.established);
  to.set_closed(from.closed);
  to.set_active(from.active);
  std::size_t reasons = from.failed.size();
  while (reasons > 0 && from.failed[reasons - 1] == 0) --reasons;
  for (std::size_t i = 0; i < reasons; ++i) to.add_failed(from.failed[i]);
  to.set_originator_bytes(from.originator_bytes);
  to.set_responder_bytes(from.responder_bytes);
  to.set_originator_packets(from.originator_packets);
  to.set_responder_packets(from.responder_packets);
  to.set_retransmits(from.retransmits);
  if (from.rtt_us) {
    to.mutable_rtt()->set_min_us(from.rtt_us->min_us);
    to.mutable_rtt()->set_mean_us(from.rtt_us->mean_us);
    to.mutable_rtt()->set_max_us(from.rtt_us->max_us);
  }
  to.set_first_seen_wall_ns(from.first_seen_wall_ns);
  to.set_last_seen_wall_ns(from.last_seen_wall_ns);
  for (const auto& name : from.processes) to.add_processes(name);
  to.set_pre_existing(from.pre_existing);
  to.set_folded(from.folded);
  to.set_attribution(same<v1::Attribution>(from.attribution));
}

void fill_record(v1::SocketEvent& to, const flow::SocketEvent& from) {
  to.set_type(same<v1::SocketEventType>(from.type));
  to.set_wall_ns(from.wall_ns);
  to.set_pid(from.pid);
  to.set_process(from.process);
  to.set_protocol(from.protocol);
  set_address(to.mutable_local_address(), from.local_address);
  to.set_local_port(from.local_port);
  set_address(to.mutable_peer_address(), from.peer_address);
  to.set_peer_port(from.peer_port);
  to.set_role(same<v1::Role>(from.role));
  for (const auto& name : from.peer_names) to.add_peer_names(name);
  if (from.reason) to.set_reason(static_cast<v1::FailureReason>(static_cast<int>(*from.reason) + 1));
  if (from.originator_bytes) to.set_originator_bytes(*from.originator_bytes);
  if (from.responder_bytes) to.set_responder_bytes(*from.responder_bytes);
  if (from.duration_us) to.set_duration_us(*from.duration_us);
  to.set_conn_state(same<v1::ConnState>(from.conn_state));
}

void fill_record(v1::Exit& to, const flow::ExitRecord& from) {
  to.set_wall_ns(from.wall_ns);
  to.set_pid(from.pid);
  to.set_process(from.process);
  to.set_executable(from.executable);
  to.set_exit_code(from.exit_code);
  to.set_signal(from.signal);
  to.set_core_dumped(from.core_dumped);
  to.set_oom_killed(from.oom_killed);
  to.set_main_process(from.main_process);
  if (from.killed_by) {
    to.mutable_killed_by()->set_pid(from.killed_by->pid);
    to.mutable_killed_by()->set_process(from.killed_by->process);
  }
  to.set_started_wall_ns(from.started_wall_ns);
  if (from.stack) {
    auto* stack = to.mutable_stack();  // there even when it has no frames
    for (const auto& frame : *from.stack) {
      auto* one = stack->add_frames();
      one->set_build_id(frame.build_id);
      one->set_offset(frame.offset);
      one->set_symbol(frame.symbol);
      one->set_module(frame.module);
    }
  }
  to.set_exit_class(same<v1::ExitClass>(from.exit_class));
}

void fill_record(v1::Exec& to, const flow::ExecRecord& from) {
  to.set_wall_ns(from.wall_ns);
  to.set_pid(from.pid);
  to.set_process(from.process);
  to.set_executable(from.executable);
}

void fill_record(v1::Dns& to, const flow::DnsRecord& from) {
  to.set_wall_ns(from.wall_ns);
  to.set_question_name(from.question_name);
  for (const auto& address : from.addresses) set_address(to.add_addresses(), address);
  to.set_response_code(from.response_code);
}

void fill_record(v1::Ledger& to, const flow::Ledger& from) {
  to.set_window_start_wall_ns(from.window_start_wall_ns);
  to.set_window_end_wall_ns(from.window_end_wall_ns);
  to.set_sequence(from.sequence);
  to.set_produced(from.produced);
  to.set_delivered(from.delivered);
  to.set_folded(from.folded);
  for (const auto& [reason, count] : from.dropped) {
    auto* drop = to.add_dropped();
    drop->set_reason(reason);
    drop->set_count(count);
  }
}

void fill_record(v1::Container& to, const flow::ContainerRecord& from) {
  to.set_wall_ns(from.wall_ns);
  to.set_change(same<v1::ContainerChange>(from.change));
  to.set_pid(from.pid);
  for (const auto& address : from.addresses) set_address(to.add_addresses(), address);
}

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

std::pair<flow::OwnerPtr, flow::OwnerPtr> RecordEncoder::owners_of(const flow::Record& record) {
  using Pair = std::pair<flow::OwnerPtr, flow::OwnerPtr>;
  return std::visit(Overloaded{[](const flow::FlowRecord& flow) { return Pair{flow.owner, flow.peer_owner}; },
                               [](const flow::ExitRecord& exit) {
                                 return Pair{exit.owner, exit.killed_by ? exit.killed_by->owner : nullptr};
                               },
                               []<typename Other>(const Other& other) {
                                 if constexpr (flow::kHasOwner<Other>) return Pair{other.owner, nullptr};
                                 else return Pair{};
                               }},
                    record);
}

bool RecordEncoder::announce(const flow::OwnerPtr& owner) {
  if (numbers_.contains(owner.get())) return false;
  if (next_slot_ == kMaxOwnerNumber) next_slot_ = 0;
  if (next_slot_ == slots_.size()) {
    slots_.push_back(owner);
  } else {
    numbers_.erase(slots_[next_slot_].get());
    slots_[next_slot_] = owner;
  }
  const auto number = static_cast<std::uint32_t>(++next_slot_);
  numbers_[owner.get()] = number;
  message_.Clear();
  fill_owner(*message_.mutable_owner(), *owner, number);
  return true;
}

std::uint32_t RecordEncoder::number_of(const flow::OwnerPtr& owner) const {
  return owner ? numbers_.at(owner.get()) : 0;
}

void RecordEncoder::fill(const flow::Record& record) {
  message_.Clear();
  const auto with_owner = [this](auto* message, const auto& from) {
    fill_record(*message, from);
    message->set_owner(number_of(from.owner));
  };
  std::visit(Overloaded{[&](const flow::FlowRecord& flow) {
                          with_owner(message_.mutable_flow(), flow);
                          message_.mutable_flow()->set_peer_owner(number_of(flow.peer_owner));
                        },
                        [&](const flow::SocketEvent& event) { with_owner(message_.mutable_socket_event(), event); },
                        [&](const flow::ExitRecord& exit) {
                          with_owner(message_.mutable_exit(), exit);
                          if (!exit.killed_by) return;
                          auto* killer = message_.mutable_exit()->mutable_killed_by();
                          killer->set_owner(number_of(exit.killed_by->owner));
                        },
                        [&](const flow::ExecRecord& exec) { with_owner(message_.mutable_exec(), exec); },
                        [&](const flow::DnsRecord& dns) { with_owner(message_.mutable_dns(), dns); },
                        [&](const flow::Ledger& ledger) { fill_record(*message_.mutable_ledger(), ledger); },
                        [&](const flow::ContainerRecord& change) {
                          with_owner(message_.mutable_container(), change);
                        },
                        [&](const flow::DeviceRecord& change) { fill_record(*message_.mutable_device(), change); },
                        [&](const flow::SecurityRecord& event) {
                          fill_record(*message_.mutable_security_event(), event);
                        }},
             record);
}

}  // namespace iris::wire
