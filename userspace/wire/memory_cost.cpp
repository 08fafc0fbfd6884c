// SPDX-License-Identifier: Apache-2.0
#include "wire/memory_cost.h"

namespace iris::wire {
namespace {

constexpr std::size_t kMapNodeBytes = 48;

std::size_t cost(const std::string& text) { return sizeof(text) + text.size(); }

std::size_t cost(const std::vector<std::string>& texts) {
  std::size_t sum = 0;
  for (const auto& text : texts) sum += cost(text);
  return sum;
}

std::size_t inner(const flow::FlowRecord& flow) {
  return cost(flow.peer_names) + cost(flow.processes) + flow.peer_device.size();
}
std::size_t inner(const flow::SocketEvent& event) { return cost(event.peer_names) + event.process.size(); }
std::size_t inner(const flow::ExitRecord& exit) {
  std::size_t sum = exit.process.size() + exit.executable.size();
  if (exit.killed_by) sum += exit.killed_by->process.size();
  if (!exit.stack) return sum;
  for (const auto& frame : *exit.stack) {
    sum += sizeof(frame) + frame.build_id.size() + frame.symbol.size() + frame.module.size();
  }
  return sum;
}
std::size_t inner(const flow::ExecRecord& exec) { return exec.process.size() + exec.executable.size(); }
std::size_t inner(const flow::DnsRecord& dns) {
  return dns.question_name.size() + dns.addresses.size() * sizeof(base::IpAddress);
}
std::size_t inner(const flow::Ledger& ledger) {
  std::size_t sum = 0;
  for (const auto& [reason, count] : ledger.dropped) sum += kMapNodeBytes + cost(reason) + sizeof(count);
  return sum;
}
std::size_t inner(const flow::ContainerRecord& change) { return change.addresses.size() * sizeof(base::IpAddress); }
std::size_t inner(const flow::DeviceRecord& change) {
  const flow::Device& device = change.device;
  std::size_t sum = device.id.size() + device.tags.size() + device.configuration.size() + device.parent.size() +
                    device.module_id.size() + device.status.size() + cost(device.sources) + cost(device.conflicts);
  for (const auto& address : device.addresses) sum += sizeof(address) + address.text.size();
  return sum;
}
std::size_t inner(const flow::SecurityRecord& event) {
  return event.device_id.size() + event.module_id.size() + event.category.size() + event.operation.size() +
         event.code.size() + event.description.size() + event.protocol.size() + event.remote_address.size() +
         event.hub.size() + event.device.size();
}

}  // namespace

std::size_t memory_cost(const flow::Record& record) {
  return sizeof(record) + std::visit([](const auto& one) { return inner(one); }, record);
}

}  // namespace iris::wire
