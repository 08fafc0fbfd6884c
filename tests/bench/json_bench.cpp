// SPDX-License-Identifier: Apache-2.0
// What one JSON line costs. The promise behind it: 2 CPU seconds for a million
// connections of five events each, so an event line has to stay well below
// 400 ns with everything else that an event costs.
#include <benchmark/benchmark.h>

#include "wire/json_writer.h"

namespace {

using namespace iris;

flow::OwnerPtr owner(std::uint64_t id) {
  flow::Owner one;
  one.kind = flow::OwnerKind::container;
  one.cgroup_id = id;
  one.container_id = std::string(64, 'a');
  one.name = "telemetry";
  one.image = "registry.example/telemetry:1.4";
  one.runtime = "docker";
  one.module_id = "telemetry";
  one.device_id = "gateway-7";
  one.labels = {{"net.azure-devices.edge.owner", "Microsoft.Azure.Devices.Edge.Agent"}};
  return std::make_shared<const flow::Owner>(one);
}

flow::SocketEvent event(flow::SocketEventType type, const char* local, const char* peer, const flow::OwnerPtr& who) {
  flow::SocketEvent one;
  one.type = type;
  one.wall_ns = 1'767'323'045'123'456'789;
  one.owner = who;
  one.pid = 31'337;
  one.process = "telemetryd";
  one.protocol = 6;
  one.local_address = *base::IpAddress::parse(local);
  one.local_port = 41'234;
  one.peer_address = *base::IpAddress::parse(peer);
  one.peer_port = 8883;
  if (type == flow::SocketEventType::close) {
    one.originator_bytes = 12'345;
    one.responder_bytes = 678;
    one.duration_us = 1'234'567;
    one.conn_state = flow::ConnState::SF;
  }
  return one;
}

/// Five events a connection, two owners in turn, as a busy loopback shows them.
void socket_events(benchmark::State& state, const char* local, const char* peer) {
  const auto client = owner(11);
  const auto server = owner(12);
  std::vector<flow::Record> records;
  for (const auto type : {flow::SocketEventType::connect, flow::SocketEventType::accept,
                          flow::SocketEventType::established, flow::SocketEventType::close,
                          flow::SocketEventType::close}) {
    records.emplace_back(event(type, local, peer, records.size() % 2 == 0 ? client : server));
  }
  wire::JsonWriter writer;
  std::string buffer;
  std::size_t lines = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    for (auto& record : records) {
      std::get<flow::SocketEvent>(record).wall_ns += 9'973;  // a second turns over now and then
      writer.append(buffer, record);
    }
    lines += records.size();
    if (buffer.size() > 60'000) {
      benchmark::DoNotOptimize(buffer.data());
      bytes += buffer.size();
      buffer.clear();
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  state.counters["s/line"] =
      benchmark::Counter(static_cast<double>(lines), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(socket_events, ipv4, "198.51.100.7", "203.0.113.200");
BENCHMARK_CAPTURE(socket_events, ipv6, "2001:db8:1:2:3:4:5:6", "2001:db8:ffff::abcd");

void flow_record(benchmark::State& state) {
  flow::FlowRecord one;
  one.window_start_wall_ns = 1'767'323'040'000'000'000;
  one.window_end_wall_ns = 1'767'323'050'000'000'000;
  one.owner = owner(11);
  one.peer_owner = owner(12);
  one.protocol = 6;
  one.local_address = base::IpAddress::parse("198.51.100.7");
  one.peer_address = base::IpAddress::parse("203.0.113.200");
  one.service_port = 8883;
  one.peer_names = {"hub.example"};
  one.originator_bytes = 123'456;
  one.rtt_us = flow::RttSummary{100, 200, 300};
  one.processes = {"telemetryd"};
  const flow::Record record = one;
  wire::JsonWriter writer;
  std::string buffer;
  for (auto _ : state) {
    buffer.clear();
    writer.append(buffer, record);
    benchmark::DoNotOptimize(buffer.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(flow_record);

}  // namespace

BENCHMARK_MAIN();
