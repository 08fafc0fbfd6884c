// SPDX-License-Identifier: Apache-2.0
// What a flow summary takes on the wire and what it costs to code, against the same
// records as JSON lines. The promises behind it: at most 24 bytes a summary with
// framing, 2 MB a day at rest, and 50,000 summaries a second with the store on two
// cores, so below a microsecond for each end.
#include <fmt/format.h>
#include <malloc.h>
#include <zlib.h>
#include <zstd.h>

#include <cmath>
#include <ctime>
#include <random>

#include "wire/batch_codec.h"
#include "wire/json_writer.h"

namespace {

using namespace iris;

constexpr std::uint64_t kStart = 1'767'323'045'006'000'007;
constexpr double kFramingBytes = 45;  // gRPC, HTTP/2 and TLS, a batch
constexpr double kSecondsOfDay = 86'400;
constexpr int kPasses = 20;

struct Gateway {
  const char* name;
  int keys;
  int window_s;
};

flow::OwnerPtr module_of(int i) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.cgroup_id = 4000 + static_cast<std::uint64_t>(i);
  owner.container_id = fmt::format("{:064x}", 0x5eed0000 + i * 7919);
  owner.name = fmt::format("module{}", i);
  owner.image = fmt::format("registry.example/module{}:1.4", i);
  owner.runtime = "docker";
  owner.module_id = owner.name;
  owner.device_id = "gateway-7";
  owner.cgroup_path = "/docker/" + owner.container_id;
  owner.labels = {{"net.azure-devices.edge.owner", "Microsoft.Azure.Devices.Edge.Agent"}};
  return std::make_shared<const flow::Owner>(owner);
}

/// Steady traffic: field devices polled, telemetry over long-lived connections,
/// short requests. Counters and times jitter.
class Traffic {
 public:
  explicit Traffic(const Gateway& gateway) : gateway_(gateway) {
    for (int i = 0; i < 8; ++i) owners_.push_back(module_of(i));
  }

  flow::Batch next() {
    const std::uint64_t length = static_cast<std::uint64_t>(gateway_.window_s) * 1'000'000'000;
    flow::Batch batch{now_, now_ + length, {}, {}};
    now_ += length;
    for (int i = 0; i < gateway_.keys; ++i) batch.records.emplace_back(flow(batch, i));
    if (++windows_ * gateway_.window_s % 300 == 0) {  // a name is asked for again
      batch.records.emplace_back(flow::DnsRecord{now_ - 1'234'567'891, owners_[0], "hub.example",
                                                 {*base::IpAddress::parse("203.0.113.20")}, 0});
    }
    const std::uint64_t produced = counted(static_cast<double>(gateway_.keys * gateway_.window_s));
    batch.records.emplace_back(flow::Ledger{batch.start_wall_ns, batch.end_wall_ns, windows_, produced, produced, 0, {}});
    return batch;
  }

 private:
  std::uint64_t counted(double mean) {
    return static_cast<std::uint64_t>(std::max(0.0, std::normal_distribution(mean, std::sqrt(mean))(random_)));
  }

  flow::FlowRecord flow(const flow::Batch& batch, int i) {
    flow::FlowRecord flow;
    flow.window_start_wall_ns = batch.start_wall_ns;
    flow.window_end_wall_ns = batch.end_wall_ns;
    flow.owner = owners_[static_cast<std::size_t>(i) % owners_.size()];
    flow.role = i % 4 == 3 ? flow::Role::responder : flow::Role::originator;
    flow.protocol = i % 10 == 9 ? 17 : 6;
    flow.local_address = base::IpAddress::parse(fmt::format("198.51.100.{}", 2 + i % 8));
    flow.peer_address = base::IpAddress::parse(fmt::format("203.0.113.{}", 1 + i));
    flow.service_port = i % 2 == 0 ? 502 : 8883;
    flow.peer_names = {fmt::format("device{}.example", i)};
    flow.scope = flow::Scope::site;
    flow.processes = {i % 2 == 0 ? "modbusd" : "telemetryd"};
    flow.attribution = flow::Attribution::exact;
    const double requests = gateway_.window_s / (i % 3 == 0 ? 1.0 : 5.0);
    const std::uint64_t done = i % 5 == 0 ? static_cast<std::uint64_t>(requests) : counted(requests);
    if (i % 4 == 0) {
      flow.opened = flow.established = flow.closed = done;  // one connection a request
    } else {
      flow.active = 1;
    }
    flow.originator_packets = done * 3;
    flow.responder_packets = done * 2;
    flow.originator_bytes = i % 2 == 0 ? done * 12 : counted(static_cast<double>(done) * 310);
    flow.responder_bytes = i % 2 == 0 ? done * 29 : counted(static_cast<double>(done) * 40);
    flow.retransmits = random_() % 40 == 0 ? 1 : 0;
    if (flow.protocol == 6) {
      const auto base = static_cast<std::uint32_t>(i % 2 == 0 ? 900 : 21'000);
      const auto jitter = [&](std::uint32_t range) { return static_cast<std::uint32_t>(random_() % range); };
      flow.rtt_us = flow::RttSummary{base + jitter(base / 20), base + base / 10 + jitter(base / 20),
                                     base + base / 4 + jitter(base)};
    }
    const auto within = static_cast<std::uint64_t>(i % 3 == 0 ? 1 : 5) * 1'000'000'000;
    flow.first_seen_wall_ns = batch.start_wall_ns + random_() % within;
    flow.last_seen_wall_ns = batch.end_wall_ns - random_() % within;
    return flow;
  }

  Gateway gateway_;
  std::mt19937_64 random_{7};
  std::vector<flow::OwnerPtr> owners_;
  std::uint64_t now_ = kStart;
  std::uint64_t windows_ = 0;
};

std::size_t zstd_size(const std::string& bytes, const std::string& prefix = {}) {
  static ZSTD_CCtx* context = ZSTD_createCCtx();  // of the whole run
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  if (!prefix.empty()) ZSTD_CCtx_refPrefix(context, prefix.data(), prefix.size());
  return ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size());
}

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

/// The content before compression.
std::string content_of(const wire::EncodedContent& encoded) {
  if (!encoded.compressed) return encoded.bytes;
  std::string content(encoded.content_bytes, '\0');
  ZSTD_decompress(content.data(), content.size(), encoded.bytes.data(), encoded.bytes.size());
  return content;
}

class Table {
 public:
  explicit Table(const Gateway& gateway) : gateway_(gateway) {
    fmt::print("\n{}: {} keys, a batch each {} s\n{:<34}{:>14}{:>14}{:>10}{:>10}\n", gateway.name, gateway.keys,
               gateway.window_s, "", "bytes/summary", "with framing", "MB/day", "CPU ns");
  }
  void row(const char* name, double bytes_a_batch, double ns_a_summary) const {
    const double framed = bytes_a_batch + kFramingBytes;
    const std::string ns = ns_a_summary == 0 ? "-" : fmt::format("{:.0f}", ns_a_summary);
    fmt::print("{:<34}{:>14.1f}{:>14.1f}{:>10.2f}{:>10}\n", name, bytes_a_batch / gateway_.keys,
               framed / gateway_.keys, framed * kSecondsOfDay / gateway_.window_s / 1e6, ns);
  }

 private:
  Gateway gateway_;
};

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// CPU time: others may use the machine.
template <typename Work>
double ns_of(Work work) {
  const double begin = cpu_ns();
  work();
  return cpu_ns() - begin;
}

void measure(const Gateway& gateway) {
  const auto batches = static_cast<std::size_t>(3600 / gateway.window_s);  // an hour
  std::vector<flow::Batch> all;
  Traffic traffic(gateway);
  for (std::size_t i = 0; i < batches; ++i) all.push_back(traffic.next());
  const auto count = static_cast<double>(batches);
  const double summaries = count * gateway.keys;

  std::vector<wire::EncodedContent> sent;
  double encode_ns = 0;
  double decode_ns = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    sent.clear();
    wire::StreamEncoder encoder;
    encode_ns += ns_of([&] {
      for (const auto& batch : all) sent.push_back(std::move(*encoder.encode(batch)));
    });
    wire::StreamDecoder decoder;
    decode_ns += ns_of([&] {
      for (const auto& one : sent) {
        if (!decoder.decode(one.bytes, one.content_bytes, one.compressed)) fmt::print("not decoded\n");
      }
    });
  }
  double stream = 0, plain = 0, prefixed = 0;
  std::string before;
  for (const auto& one : sent) {
    const std::string content = content_of(one);
    stream += static_cast<double>(one.bytes.size());
    plain += static_cast<double>(content.size());
    prefixed += static_cast<double>(std::min(content.size(), zstd_size(content, before)));
    before = content;
  }
  double gzip = 0, zstd = 0, json = 0;
  wire::JsonWriter writer;
  const double json_ns = ns_of([&] {
    for (const auto& batch : all) {
      std::string lines;
      for (const auto& record : batch.records) writer.append(lines, record);
      json += static_cast<double>(lines.size());
      gzip += static_cast<double>(gzip_size(lines));
    }
  });
  for (const auto& batch : all) {
    std::string lines;
    for (const auto& record : batch.records) writer.append(lines, record);
    zstd += static_cast<double>(zstd_size(lines));
  }
  const Table table(gateway);
  table.row("stream (encode)", stream / count, encode_ns / summaries / kPasses);
  table.row("stream (decode)", stream / count, decode_ns / summaries / kPasses);
  table.row("  its first batch alone", static_cast<double>(sent.front().bytes.size()), 0);
  table.row("  not compressed", plain / count, 0);
  table.row("  zstd with the batch before", prefixed / count, 0);
  table.row("JSON lines", json / count, 0);
  table.row("JSON lines, gzip (encode)", gzip / count, json_ns / summaries);
  table.row("JSON lines, zstd", zstd / count, 0);

  constexpr std::size_t kStreams = 200;
  std::vector<wire::StreamDecoder> streams(kStreams);
  const auto heap = mallinfo2().uordblks;
  for (auto& one : streams) {
    for (std::size_t i = 0; i < 3; ++i) (void)one.decode(sent[i].bytes, sent[i].content_bytes, sent[i].compressed);
  }
  fmt::print("memory of one stream at the receiver: {:.1f} KiB\n",
             static_cast<double>(mallinfo2().uordblks - heap) / kStreams / 1024);
}

}  // namespace

int main() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);  // all in the heap that mallinfo2() counts
  mallopt(M_TRIM_THRESHOLD, 1 << 30);  // which setting the other leaves at 128 KiB for good
  measure({"demo gateway at rest", 20, 60});
  measure({"busy gateway", 200, 10});
  return 0;
}
