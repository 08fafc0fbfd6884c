// SPDX-License-Identifier: Apache-2.0
// Commits of the SQLite store alone: 500 gateways, a batch each a transaction.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "store/store.h"

namespace {

using namespace iris;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'767'355'200 * kSecond;
constexpr std::int64_t kGateways = 500;

std::vector<store::IngestBatch> make_batches(std::size_t flows) {
  std::vector<store::IngestBatch> batches;
  for (std::int64_t gateway = 1; gateway <= kGateways; ++gateway) {
    store::IngestBatch ingest;
    ingest.gateway_id = gateway;
    ingest.epoch = 1;
    for (std::size_t i = 0; i < flows; ++i) {
      flow::FlowRecord flow;
      flow::Owner owner;
      owner.name = "module" + std::to_string(i % 10);
      owner.container_id = std::string(64, 'c');
      flow.owner = std::make_shared<const flow::Owner>(owner);
      flow.protocol = 6;
      flow.peer_address = base::IpAddress::parse("198.51.100." + std::to_string(i % 250));
      flow.service_port = static_cast<std::uint16_t>(i);
      flow.processes = {"modbusd"};
      flow.opened = flow.closed = 3;
      flow.originator_bytes = 4000 + i;
      flow.responder_bytes = 90'000 + i;
      flow.originator_packets = 30;
      flow.responder_packets = 70;
      flow.rtt_us = flow::RttSummary{900, 1200, 4000};
      ingest.batch.records.emplace_back(flow);
    }
    ingest.batch.records.emplace_back(flow::Ledger{});
    batches.push_back(std::move(ingest));
  }
  return batches;
}

/// The next window of every gateway.
void advance(std::vector<store::IngestBatch>& batches, std::uint64_t sequence) {
  const std::uint64_t start = kStart + sequence * 10 * kSecond;
  for (auto& ingest : batches) {
    ingest.first_sequence = ingest.last_sequence = sequence;
    ingest.batch.start_wall_ns = start;
    ingest.batch.end_wall_ns = start + 10 * kSecond;
    for (auto& record : ingest.batch.records) {
      if (auto* flow = std::get_if<flow::FlowRecord>(&record)) {
        flow->window_start_wall_ns = start;
        flow->window_end_wall_ns = start + 10 * kSecond;
        flow->first_seen_wall_ns = start + kSecond;
        flow->last_seen_wall_ns = start + 9 * kSecond;
      } else if (auto* ledger = std::get_if<flow::Ledger>(&record)) {
        ledger->window_start_wall_ns = start;
        ledger->window_end_wall_ns = start + 10 * kSecond;
      }
    }
  }
}

void commit(benchmark::State& state) {
  std::string directory = std::filesystem::temp_directory_path() / "iris-bench-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return state.SkipWithError("no temporary directory");
  auto store = store::open_store("sqlite:" + directory + "/iris.db");
  if (!store) return state.SkipWithError(store.error().message.c_str());
  for (std::int64_t i = 1; i <= kGateways; ++i) {
    const auto name = "gateway" + std::to_string(i);
    static_cast<void>((*store)->add_gateway(name, name, kStart));
  }
  const auto flows = static_cast<std::size_t>(state.range(0));
  auto batches = make_batches(flows);
  std::uint64_t sequence = 1;
  advance(batches, sequence);
  static_cast<void>((*store)->commit(batches, kStart));  // fills the dictionaries
  for (auto _ : state) {
    state.PauseTiming();
    advance(batches, ++sequence);
    state.ResumeTiming();
    const auto done = (*store)->commit(batches, kStart);
    if (!done) return state.SkipWithError(done.error().message.c_str());
  }
  state.counters["flows/s"] =
      benchmark::Counter(static_cast<double>(flows) * kGateways, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["file_bytes/flow"] =
      static_cast<double>(std::filesystem::file_size(directory + "/iris.db")) /
      (static_cast<double>(flows) * kGateways * static_cast<double>(sequence));
  store->reset();
  std::filesystem::remove_all(directory);
}
BENCHMARK(commit)->Arg(20)->Arg(100)->Arg(200)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
