// SPDX-License-Identifier: Apache-2.0
// Flow summaries a second that one core judges with 10,000 profiles in memory. Target: 200,000.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>

#include "detect/judge.h"

namespace {

using namespace iris;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'767'355'200 * kSecond;
constexpr std::size_t kGateways = 500;
constexpr std::size_t kModules = 20;  // a profile each, and each gateway its own: 10,000
constexpr std::size_t kPeers = 6;     // of a module

struct Fleet {
  std::vector<std::string> names;
  std::vector<flow::Record> records;  // of one window, gateway by gateway
  std::unique_ptr<detect::Judge> judge = std::make_unique<detect::Judge>();
  std::uint64_t now = kStart;

  Fleet() {
    for (std::size_t g = 0; g < kGateways; ++g) {
      names.push_back(fmt::format("gateway-{}", g));
      for (std::size_t m = 0; m < kModules; ++m) {
        flow::Owner made;
        made.kind = flow::OwnerKind::service;
        made.name = fmt::format("module-{}.service", m);
        const auto owner = std::make_shared<const flow::Owner>(made);
        for (std::size_t p = 0; p < kPeers; ++p) {
          flow::FlowRecord record;
          record.owner = owner;
          record.protocol = 6;
          record.local_address = base::IpAddress::parse("10.0.0.2");
          record.peer_address = base::IpAddress::parse(fmt::format("{}.{}", p < 3 ? "10.0.0" : "198.51.100", 10 + p));
          record.scope = p < 3 ? flow::Scope::site : flow::Scope::external;
          record.service_port = static_cast<std::uint16_t>(p < 3 ? 502 + m : 8883);
          if (p >= 3) record.peer_names = {fmt::format("mqtt{}.example{}.org", p, p)};
          record.opened = record.established = record.closed = 2;
          record.originator_bytes = 800;
          record.responder_bytes = 1200;
          record.originator_packets = record.responder_packets = 9;
          record.processes = {"modbusd"};
          records.emplace_back(std::move(record));
        }
      }
    }
  }

  void window() {
    now += 10 * kSecond;
    std::size_t i = 0;
    for (const auto& name : names) {
      for (std::size_t n = 0; n < kModules * kPeers; ++n, ++i) {
        auto& record = std::get<flow::FlowRecord>(records[i]);
        record.window_start_wall_ns = now - 10 * kSecond;
        record.window_end_wall_ns = now;
        judge->add(name, records[i]);
      }
      judge->end_window(name, now);
    }
  }
};

void judge_known(benchmark::State& state) {
  Fleet fleet;
  for (int i = 0; i < 5; ++i) fleet.window();
  for (auto _ : state) fleet.window();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * fleet.records.size()));
  const auto [all, largest] = fleet.judge->profile_bytes();
  state.counters["profiles"] = static_cast<double>(fleet.judge->profiles().size());
  state.counters["mean_profile_bytes"] = static_cast<double>(all) / static_cast<double>(fleet.judge->profiles().size());
  state.counters["largest_profile_bytes"] = static_cast<double>(largest);
  state.counters["alerts"] = static_cast<double>(fleet.judge->take_alerts().size());
}
BENCHMARK(judge_known)->Unit(benchmark::kMillisecond);

/// The worst case for a profile: peers without end.
void judge_strangers(benchmark::State& state) {
  detect::Judge judge;
  flow::Owner made;
  made.kind = flow::OwnerKind::service;
  made.name = "scanner.service";
  flow::FlowRecord base;
  base.owner = std::make_shared<const flow::Owner>(made);
  base.protocol = 6;
  base.opened = 1;
  base.failed[1] = 1;
  base.originator_packets = 1;
  flow::Record record = base;
  std::uint64_t now = kStart, n = 0;
  for (auto _ : state) {
    auto& flow = std::get<flow::FlowRecord>(record);
    if (++n % 1000 == 0) now += 10 * kSecond;
    flow.window_start_wall_ns = now;
    flow.window_end_wall_ns = now + 10 * kSecond;
    base::IpAddress address = *base::IpAddress::parse("198.51.100.1");
    address.bytes[13] = static_cast<std::uint8_t>(n >> 8);
    address.bytes[15] = static_cast<std::uint8_t>(n);
    flow.peer_address = address;
    flow.service_port = static_cast<std::uint16_t>(n * 7);
    judge.add("gateway", record);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.counters["largest_profile_bytes"] = static_cast<double>(judge.profile_bytes().second);
}
BENCHMARK(judge_strangers);

}  // namespace

BENCHMARK_MAIN();
