// SPDX-License-Identifier: Apache-2.0
// What the demo gateway costs on a metered link: batches as the agent ships them, over
// TLS to a real collector, counted at a relay in between. An hour of event time, in
// which each batch is sent when the one before was acknowledged, as a minute apart.
//
//   wire_bench                           the simulator's model of it
//   wire_bench --recording FILE NAME..   what `iris-trace record` saw of these owners
#include <fcntl.h>
#include <fmt/format.h>
#include <zlib.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <set>
#include <map>

#include "agent/batch_builder.h"
#include "agent/spool_source.h"
#include "counting_relay.h"
#include "simulator/collector_process.h"
#include "simulator/traffic.h"
#include "wire/json_writer.h"
#include "wire/record_file.h"

namespace {

using namespace iris;

constexpr std::uint64_t kMinutes = 60;
constexpr double kDayNs = 86'400e9;
constexpr double kRecordBytes = 5 + 1 + 16;    // header, type and tag of a TLS 1.3 record
constexpr double kSegmentBytes = 20 + 20 + 12;  // IPv4 and TCP with time stamps

/// Windows that have left the kernel, instead of a spool on a disk.
class MemoryStore final : public agent::BatchStore {
 public:
  explicit MemoryStore(std::vector<flow::Batch> windows) : windows_(std::move(windows)) {}
  std::uint64_t epoch() const override { return 1; }
  std::uint64_t oldest_sequence() const override { return 1; }
  base::Result<std::optional<spool::StoredBatch>> next_after(std::uint64_t sequence) override {
    if (sequence >= windows_.size()) return std::optional<spool::StoredBatch>();
    return std::optional<spool::StoredBatch>({sequence + 1, sequence + 1, windows_[sequence]});
  }
  base::Result<void> acknowledge(std::uint64_t) override { return {}; }
  base::Result<bool> resume(std::uint64_t) override { return true; }

 private:
  std::vector<flow::Batch> windows_;
};

/// The agent's source, but the next batch only once the last was acknowledged.
class OneByOne final : public ship::BatchSource {
 public:
  OneByOne(MemoryStore& store, const bench::CountingRelay& relay) : source_(store), relay_(relay) {}

  std::uint64_t epoch() const override { return source_.epoch(); }
  std::uint64_t oldest_sequence() const override { return source_.oldest_sequence(); }
  base::Result<std::optional<Next>> next_after(std::uint64_t sequence) override {
    if (!connected_) {
      connected_ = true;
      connecting = {relay_.up(), relay_.down()};
    }
    if (acknowledged_ < sequence) return std::optional<Next>();
    auto next = source_.next_after(sequence);
    done = !next || !*next;
    if (!done) sent.push_back((*next)->batch);
    return next;
  }
  base::Result<void> acknowledge(std::uint64_t sequence) override {
    acknowledged_ = sequence;
    return {};
  }

  std::vector<flow::Batch> sent;
  std::pair<bench::Carried, bench::Carried> connecting;  // up and down, until it was welcomed
  bool done = false;

 private:
  agent::SpoolSource source_;
  const bench::CountingRelay& relay_;
  std::uint64_t acknowledged_ = 0;
  bool connected_ = false;
};

std::size_t gzip_size(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  const std::size_t size = stream.total_out;
  deflateEnd(&stream);
  return size;
}

std::vector<flow::Batch> model() {
  const simulator::GatewayTraffic traffic({}, 0);
  std::vector<flow::Batch> windows;
  for (std::uint64_t sequence = 1; sequence <= kMinutes; ++sequence) windows.push_back(traffic.batch(sequence));
  return windows;
}

constexpr std::size_t kShortIdBytes = 12;  // as docker ps shows them

/// Windows of a recording, as irisd would spool them. Of the records with an owner only
/// those of `owners`.
std::vector<flow::Batch> recorded(const std::string& path, const std::set<std::string>& owners, bool flows_only) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto reader = wire::RecordFileReader::open(wire::read_from(file.get()));
  if (!reader) throw std::runtime_error(reader.error().message);
  const auto is_theirs = [&owners](const flow::OwnerPtr& owner) {
    return owner && (owners.contains(owner->name) || owners.contains(owner->container_id.substr(0, kShortIdBytes)));
  };
  const auto wanted = [&]<typename Record>(const Record& record) {
    if constexpr (flow::kHasOwner<Record>) {
      return is_theirs(record.owner) && (!flows_only || std::is_same_v<Record, flow::FlowRecord>);
    } else {
      return !flows_only || std::is_same_v<Record, flow::Ledger>;
    }
  };
  std::vector<flow::Batch> windows;
  agent::BatchBuilder builder;
  while (true) {
    const auto next = reader->next();
    if (!next || !*next) break;  // what a recording that still goes on holds so far
    if (!std::visit(wanted, **next)) continue;
    builder.write(**next);
    if (!std::holds_alternative<flow::Ledger>(**next)) continue;
    if (auto batch = builder.take()) windows.push_back(std::move(*batch));
  }
  if (windows.empty()) throw std::runtime_error("nothing of these owners is in " + path);
  return windows;
}

/// Leaves out keys that are in fewer than half of the windows: what is not steady.
void keep_steady(std::vector<flow::Batch>& windows) {
  using Key = std::tuple<std::string, flow::Role, int, std::optional<base::IpAddress>, int>;
  const auto key_of = [](const flow::FlowRecord& flow) {
    return Key{flow.owner->name + flow.owner->container_id, flow.role, flow.protocol, flow.peer_address, flow.service_port};
  };
  std::map<Key, std::size_t> seen;
  for (const auto& window : windows) {
    for (const auto& record : window.records) {
      if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) ++seen[key_of(*flow)];
    }
  }
  for (auto& window : windows) {
    std::erase_if(window.records, [&](const flow::Record& record) {
      const auto* flow = std::get_if<flow::FlowRecord>(&record);
      return flow != nullptr && seen[key_of(*flow)] < windows.size() / 2;
    });
  }
}

struct Json {
  std::size_t bytes = 0, gzipped_each = 0, gzipped_whole = 0;
};

Json as_json(const std::vector<flow::Batch>& batches) {
  Json json;
  std::string all;
  wire::JsonWriter writer;
  for (const auto& batch : batches) {
    std::string lines;
    for (const auto& record : batch.records) writer.append(lines, record);
    json.gzipped_each += gzip_size(lines);
    all += lines;
  }
  json.bytes = all.size();
  json.gzipped_whole = gzip_size(all);
  return json;
}

std::size_t count_flows(const std::vector<flow::Batch>& batches) {
  std::size_t flows = 0;
  for (const auto& batch : batches) {
    flows += static_cast<std::size_t>(std::count_if(batch.records.begin(), batch.records.end(), [](const auto& record) {
      return std::holds_alternative<flow::FlowRecord>(record);
    }));
  }
  return flows;
}

class Table {
 public:
  Table(const std::string& name, const std::vector<flow::Batch>& sent)
      : summaries_(static_cast<double>(count_flows(sent))),
        days_(static_cast<double>(sent.back().end_wall_ns - sent.front().start_wall_ns) / kDayNs) {
    fmt::print("\n{}: {:.0f} minutes, {} batches, {:.0f} summaries\n{:<44}{:>12}{:>16}{:>10}\n", name, days_ * 1440,
               sent.size(), summaries_, "", "bytes", "bytes/summary", "MB/day");
  }
  void row(const std::string& name, double bytes) const {
    fmt::print("{:<44}{:>12.0f}{:>16.2f}{:>10.3f}\n", name, bytes, bytes / summaries_, bytes / days_ / 1e6);
  }

 private:
  double summaries_;
  double days_;
};

void measure(const std::string& name, std::vector<flow::Batch> windows) {
  const test::TempDirectory directory;
  test::CollectorProcess collector(IRIS_COLLECTOR_PATH, directory.path(), 1);
  bench::CountingRelay relay(std::stoi(collector.target().substr(collector.target().rfind(':') + 1)));
  std::string gateway, token;
  std::ifstream(collector.tokens()) >> gateway >> token;
  std::ofstream(directory.path() + "/token") << token << '\n';

  ship::UplinkOptions options;
  options.target = "127.0.0.1:" + std::to_string(relay.port());
  options.ca_file = collector.certificate();
  options.token_file = directory.path() + "/token";
  options.agent_version = "bench";
  MemoryStore store(std::move(windows));
  OneByOne source(store, relay);
  const auto uplink = ship::Uplink::create(options, source).value();
  while (!source.done) uplink->poll(std::chrono::milliseconds(20));
  const auto up = relay.up();
  const auto down = relay.down();
  const auto& [first_up, first_down] = source.connecting;

  const Table table(name, source.sent);
  const auto of = [](std::uint64_t last, std::uint64_t first) { return static_cast<double>(last - first); };
  const double up_bytes = of(up.bytes, first_up.bytes);
  const double down_bytes = of(down.bytes, first_down.bytes);
  const double up_records = of(up.records, first_up.records);
  table.row("encoded batches", static_cast<double>(uplink->status().sent_bytes));
  table.row("sent, with gRPC, HTTP/2 and TLS", up_bytes);
  table.row("  of that TLS records", up_records * kRecordBytes);
  table.row("received: acknowledgements", down_bytes);
  table.row("  of that TLS records", of(down.records, first_down.records) * kRecordBytes);
  table.row("both ways", up_bytes + down_bytes);
  const double segments = of(up.segments, first_up.segments) + of(down.segments, first_down.segments);
  table.row("TCP and IPv4 headers of both (from segments)", segments * kSegmentBytes);
  table.row("connecting, once, both ways", of(first_up.bytes + first_down.bytes, 0));
  const auto json = as_json(source.sent);
  table.row("JSON lines", static_cast<double>(json.bytes));
  table.row("JSON lines, gzip a batch", static_cast<double>(json.gzipped_each));
  table.row("JSON lines, gzip over all", static_cast<double>(json.gzipped_whole));
  fmt::print("JSON lines gzipped a batch, without any framing, are {:.1f} times what was sent\n",
             static_cast<double>(json.gzipped_each) / up_bytes);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Bytes on the wire of the demo gateway."};
  std::string recording;
  std::set<std::string> owners;
  app.add_option("--recording", recording, "Made by iris-trace record");
  app.add_option("owners", owners, "Names, or short container ids, of the owners to take from it");
  CLI11_PARSE(app, argc, argv);
  if (recording.empty()) {
    measure("demo gateway, modelled", model());
    return 0;
  }
  auto steady = recorded(recording, owners, true);
  keep_steady(steady);
  measure("recorded, steady flow keys alone", std::move(steady));
  measure("recorded, everything", recorded(recording, owners, false));
  return 0;
}
