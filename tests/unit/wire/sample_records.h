// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/records.h"

/// One record of each kind with every field set, and one with as little as can
/// be: what goes through JSON and the record file must keep all of it.
namespace iris::wire::samples {

inline constexpr std::uint64_t kTime = 1'767'323'045'006'000'007;  // 2026-01-02T03:04:05.006000007Z

inline flow::OwnerPtr module_owner() {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.cgroup_id = 4711;
  owner.container_id = std::string(64, 'c');
  owner.name = "modbus1";
  owner.image = "registry.example/modbus:1.0";
  owner.runtime = "docker";
  owner.module_id = "modbus";
  owner.device_id = "gateway-7";
  owner.cgroup_path = "/docker/" + owner.container_id;
  owner.labels = {{"a", "1"}, {"b \"quoted\"", "2\n"}};
  return std::make_shared<const flow::Owner>(owner);
}

inline flow::OwnerPtr host_owner() {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::host;
  owner.cgroup_id = 1;
  owner.name = "host";
  return std::make_shared<const flow::Owner>(owner);
}

inline base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

inline flow::FlowRecord full_flow() {
  flow::FlowRecord flow;
  flow.window_start_wall_ns = kTime;
  flow.window_end_wall_ns = kTime + 10'000'000'000;
  flow.owner = module_owner();
  flow.role = flow::Role::originator;
  flow.protocol = 6;
  flow.local_address = ip("203.0.113.5");
  flow.peer_address = ip("2001:db8::5:1");
  flow.service_port = 502;
  flow.peer_names = {"meter.example", "meter2.example"};
  flow.peer_owner = host_owner();
  flow.peer_device = "meter-9";
  flow.scope = flow::Scope::site;
  flow.opened = 1;
  flow.established = 2;
  flow.closed = 3;
  flow.active = 4;
  flow.failed = {5, 6, 7, 8, 9, 10};
  flow.originator_bytes = 11;
  flow.responder_bytes = 12;
  flow.originator_packets = 13;
  flow.responder_packets = 14;
  flow.retransmits = 15;
  flow.rtt_us = flow::RttSummary{16, 17, 18};
  flow.first_seen_wall_ns = kTime + 1;
  flow.last_seen_wall_ns = kTime + 2;
  flow.processes = {"modbusd", "sh"};
  flow.pre_existing = true;
  flow.folded = true;
  flow.attribution = flow::Attribution::exact;
  return flow;
}

inline flow::SocketEvent full_close() {
  flow::SocketEvent event;
  event.type = flow::SocketEventType::close;
  event.wall_ns = kTime;
  event.owner = module_owner();
  event.pid = 1234;
  event.process = "modbusd";
  event.protocol = 6;
  event.local_address = ip("203.0.113.5");
  event.local_port = 40'000;
  event.peer_address = ip("198.51.100.20");
  event.peer_port = 502;
  event.role = flow::Role::responder;
  event.peer_names = {"meter.example"};
  event.reason = flow::FailureReason::reset;
  event.originator_bytes = 0;
  event.responder_bytes = UINT64_MAX;
  event.duration_us = 77;
  event.conn_state = flow::ConnState::RSTR;
  return event;
}

inline flow::SocketEvent event_of(flow::SocketEventType type) {
  flow::SocketEvent event = full_close();
  event.type = type;
  event.reason.reset();
  event.originator_bytes.reset();
  event.responder_bytes.reset();
  event.duration_us.reset();
  event.conn_state = flow::ConnState::none;
  return event;
}

inline flow::ExitRecord full_exit() {
  flow::ExitRecord exit;
  exit.wall_ns = kTime;
  exit.owner = module_owner();
  exit.pid = 1234;
  exit.process = "modbusd";
  exit.executable = "/app/modbusd";
  exit.exit_code = 139;
  exit.signal = 11;
  exit.core_dumped = true;
  exit.oom_killed = true;
  exit.main_process = true;
  exit.killed_by = flow::ProcessRef{77, "sh", host_owner()};
  exit.started_wall_ns = kTime - 5;
  exit.stack = std::vector<flow::StackFrame>{{"abcdef0123", 0x1234, "read_holding", "/app/modbusd"}, {"", 0x7f, "", ""}};
  exit.exit_class = flow::ExitClass::crash;
  return exit;
}

inline flow::ExecRecord full_exec() { return {kTime, module_owner(), 99, "sh", "/bin/busybox"}; }

inline flow::DnsRecord full_dns() {
  return {kTime, module_owner(), "meter.example", {ip("198.51.100.20"), ip("2001:db8::20")}, 3};
}

inline flow::Ledger full_ledger() {
  return {kTime, kTime + 10, 42, 100, 90, 4, {{"ring_full", 5}, {"decode", 1}}};
}

inline flow::ContainerRecord full_container() {
  return {kTime, flow::ContainerRecord::Change::updated, module_owner(), 55, {ip("203.0.113.9"), ip("2001:db8::9")}};
}

inline flow::DeviceRecord full_device() {
  flow::Device device;
  device.id = "gateway-7/modbus/meter-9";
  device.kind = flow::DeviceKind::manufactured;
  device.pattern = flow::GatewayPattern::protocol_translation;
  device.sources = {"edgex", "modbus_module"};
  device.tags = R"({"site":"plant-a"})";
  device.configuration = R"({"RetryCount":"10","units":[1,2]})";
  device.addresses = {{ip("198.51.100.20"), 502, 6, ""}, {ip("2001:db8::20"), 502, 6, ""}, {std::nullopt, 0, 0, "/dev/ttyS0"}};
  device.parent = "gateway-7";
  device.module_id = "modbus";
  device.status = "enabled";
  device.deployed = false;
  device.conflicts = {"edgex/meter-9 claims 198.51.100.20, too"};
  return {kTime, flow::DeviceRecord::Change::updated, device};
}

inline flow::SecurityRecord full_security() {
  return {kTime,        flow::SecurityReason::duplicate_identity, 4,      "thermostat", "m1", "Connections", "deviceConnect", "400027",
          "closed, \"new\"", "Mqtt", "203.0.113.XXX", "IRIS-HUB", "thermostat"};
}

inline std::vector<flow::Record> all() {
  std::vector<flow::Record> records{full_flow(),         flow::FlowRecord{},  full_close(),   flow::SocketEvent{},
                                    full_exit(),         flow::ExitRecord{},  full_exec(),    flow::ExecRecord{},
                                    full_dns(),          flow::DnsRecord{},   full_ledger(),  flow::Ledger{},
                                    full_container(),    flow::ContainerRecord{}, full_device(), flow::DeviceRecord{},
                                    full_security(),     flow::SecurityRecord{}};
  for (int type = 0; type <= static_cast<int>(flow::SocketEventType::udp); ++type) {
    records.emplace_back(event_of(static_cast<flow::SocketEventType>(type)));
  }
  return records;
}

}  // namespace iris::wire::samples
