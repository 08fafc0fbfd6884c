// SPDX-License-Identifier: Apache-2.0
// A judge's state from a damaged store or a foreign file: refused, or gone on from.
#include <cstdint>
#include <memory>
#include <string>

#include "detect/judge.h"

namespace {

iris::flow::FlowRecord some_flow() {
  iris::flow::Owner owner;
  owner.kind = iris::flow::OwnerKind::container;
  owner.name = owner.module_id = "modbus1";
  owner.image = "registry.example/modbus:1.0";
  iris::flow::FlowRecord record;
  record.owner = std::make_shared<const iris::flow::Owner>(owner);
  record.window_start_wall_ns = 1'767'225'600'000'000'000;
  record.window_end_wall_ns = record.window_start_wall_ns + 10'000'000'000;
  record.protocol = 6;
  record.peer_address = iris::base::IpAddress::parse("10.0.1.1");
  record.service_port = 23;
  record.opened = 40;
  record.failed[0] = 40;
  record.originator_packets = 40;
  return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto kind = data[0] % 2 == 0 ? iris::detect::State::Kind::profile : iris::detect::State::Kind::gateway;
  const std::string key = kind == iris::detect::State::Kind::profile ? "image/registry.example/modbus" : "gw1";
  iris::detect::Judge judge;
  if (!judge.load({kind, key, bytes})) return 0;
  const iris::flow::Record record = some_flow();
  judge.add("gw1", record);
  judge.end_window("gw1", some_flow().window_end_wall_ns);
  static_cast<void>(judge.take_alerts());
  for (const auto& state : judge.save_changed()) {
    iris::detect::Judge other;
    if (!other.load(state)) __builtin_trap();  // what it saves itself can be loaded
  }
  return 0;
}
