// SPDX-License-Identifier: Apache-2.0
#include "simulator/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "simulator/conversations.h"

namespace iris::simulator {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint64_t kLateNs = 2'000'000;  // a loop that sleeps is slower than its period
constexpr std::uint64_t kPacketBytes = 1400;
constexpr std::uint64_t kHandshakePackets = 3;

/// The finalizer of SplitMix64: a good number for each number.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return (state_ = mix(state_)) % bound; }
  /// `mean`, give or take a half of its part in `parts`.
  std::uint64_t around(std::uint64_t mean, std::uint64_t parts) {
    const std::uint64_t width = mean / parts;
    return mean - width / 2 + below(width + 1);
  }

 private:
  std::uint64_t state_;
};

flow::Owner module_owner(std::uint64_t identity, std::size_t number) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.name = kPartyNames[number];
  for (std::uint64_t part = 0; part < 4; ++part) {
    owner.container_id += fmt::format("{:016x}", mix(identity + 100 * number + part));
  }
  owner.image = fmt::format("iris-demo/{}:1", owner.name);
  owner.runtime = "docker";
  owner.module_id = owner.name;
  owner.device_id = fmt::format("gateway-{:08x}", identity >> 32);
  owner.cgroup_path = "/system.slice/docker-" + owner.container_id + ".scope";
  owner.labels = {{"net.azure-devices.edge.original-image", owner.image},
                  {"net.azure-devices.edge.owner", "Microsoft.Azure.Devices.Edge.Agent"}};
  return owner;
}

flow::Owner service_owner(std::size_t number) {
  flow::Owner owner;
  owner.kind = flow::OwnerKind::service;
  owner.name = kPartyNames[number];
  owner.cgroup_path = "/system.slice/" + owner.name;
  return owner;
}

void fill_outcome(flow::FlowRecord& flow, Kind kind, std::uint64_t done) {
  switch (kind) {
    case Kind::request: flow.opened = flow.established = flow.closed = done; return;
    case Kind::session: flow.active = 1; return;
    case Kind::datagram: return;
    case Kind::refused:
    case Kind::dropped: break;
  }
  const auto reason = kind == Kind::refused ? flow::FailureReason::refused : flow::FailureReason::timed_out;
  flow.opened = flow.failed[static_cast<std::size_t>(reason)] = done;
}

void fill_volume(flow::FlowRecord& flow, const Conversation& line, std::uint64_t done, Random& random) {
  const std::uint64_t handshake = line.kind == Kind::request ? kHandshakePackets : 0;
  flow.originator_bytes = done * line.sent_bytes;
  if (line.kind == Kind::session) flow.originator_bytes = random.around(flow.originator_bytes, 20);
  flow.responder_bytes = done * line.answered_bytes;
  flow.originator_packets = done * (1 + line.sent_bytes / kPacketBytes + handshake) + random.below(3);
  flow.responder_packets = done * (1 + line.answered_bytes / kPacketBytes + handshake) + random.below(3);
  if (line.rtt_us == 0) return;
  flow.retransmits = random.below(200) == 0 ? 1 : 0;
  const auto low = random.around(line.rtt_us, 20);
  const auto mean = low + random.around(line.rtt_us / 8, 2);
  const auto high = mean + random.around(line.rtt_us / 2 + 50, 1);
  flow.rtt_us = flow::RttSummary{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(mean),
                                 static_cast<std::uint32_t>(high)};
}

}  // namespace

GatewayTraffic::GatewayTraffic(const TrafficOptions& options, std::size_t gateway)
    : options_(options), identity_(mix(options.seed * 1'000'003 + gateway)), epoch_(mix(identity_) | 1) {
  std::vector<flow::OwnerPtr> owners;
  for (std::size_t i = 0; i < kPartyNames.size(); ++i) {
    auto owner = i < kModules ? module_owner(identity_, i) : service_owner(i);
    owner.cgroup_id = 4000 + mix(identity_ + i) % 100'000;
    owners.push_back(std::make_shared<const flow::Owner>(std::move(owner)));
  }
  owners.emplace_back();  // Party::none
  const auto lines = conversations();
  for (std::size_t i = 0; i < options_.summaries; ++i) {
    const auto& line = lines[i % lines.size()];
    flow::FlowRecord key;
    key.owner = owners[static_cast<std::size_t>(line.owner)];
    key.peer_owner = owners[static_cast<std::size_t>(line.peer_owner)];
    key.role = line.role;
    key.protocol = line.kind == Kind::datagram ? kUdp : kTcp;
    key.local_address = base::IpAddress::parse(line.local);
    key.peer_address = base::IpAddress::parse(line.peer);
    // Behind the end of the table: the same again, with other ports.
    key.service_port = static_cast<std::uint16_t>(line.port + i / lines.size());
    if (*line.peer_name != '\0') key.peer_names = {line.peer_name};
    key.scope = line.scope;
    key.processes = {line.process};
    key.attribution = line.role == flow::Role::originator ? flow::Attribution::exact : flow::Attribution::socket;
    keys_.push_back(std::move(key));
  }
}

flow::FlowRecord GatewayTraffic::flow(std::size_t index, std::uint64_t sequence) const {
  const auto lines = conversations();
  const Conversation& line = lines[index % lines.size()];
  Random random(identity_ ^ mix(sequence * 65'536 + index));
  flow::FlowRecord flow = keys_[index];
  flow.window_start_wall_ns = options_.start_wall_ns + (sequence - 1) * options_.window_ns;
  flow.window_end_wall_ns = flow.window_start_wall_ns + options_.window_ns;
  const std::uint64_t period_ns = line.period_ms * 1'000'000 + kLateNs;
  const auto done = std::max<std::uint64_t>(1, options_.window_ns / period_ns + random.below(2));
  fill_outcome(flow, line.kind, done);
  if (line.sent_bytes > 0) fill_volume(flow, line, done, random);
  const auto within = std::min(period_ns, options_.window_ns / 2);
  flow.first_seen_wall_ns = flow.window_start_wall_ns + random.below(within);
  flow.last_seen_wall_ns = flow.window_end_wall_ns - 1 - random.below(within);
  return flow;
}

flow::Batch GatewayTraffic::batch(std::uint64_t sequence) const {
  flow::Batch batch;
  batch.start_wall_ns = options_.start_wall_ns + (sequence - 1) * options_.window_ns;
  batch.end_wall_ns = batch.start_wall_ns + options_.window_ns;
  Totals totals;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    auto one = flow(i, sequence);
    totals.add(one);
    batch.records.emplace_back(std::move(one));
  }
  const std::uint64_t produced = totals.events();
  batch.records.emplace_back(flow::Ledger{batch.start_wall_ns, batch.end_wall_ns, sequence, produced, produced, 0, {}});
  return batch;
}

Totals GatewayTraffic::totals(std::uint64_t batches) const {
  Totals totals;
  for (std::uint64_t sequence = 1; sequence <= batches; ++sequence) {
    for (std::size_t i = 0; i < keys_.size(); ++i) totals.add(flow(i, sequence));
  }
  return totals;
}

void Totals::add(const flow::FlowRecord& flow) {
  ++summaries;
  opened += flow.opened;
  established += flow.established;
  closed += flow.closed;
  failed = std::accumulate(flow.failed.begin(), flow.failed.end(), failed);
  originator_bytes += flow.originator_bytes;
  responder_bytes += flow.responder_bytes;
  originator_packets += flow.originator_packets;
  responder_packets += flow.responder_packets;
  retransmits += flow.retransmits;
}

void Totals::add(const Totals& other) {
  summaries += other.summaries;
  opened += other.opened;
  established += other.established;
  closed += other.closed;
  failed += other.failed;
  originator_bytes += other.originator_bytes;
  responder_bytes += other.responder_bytes;
  originator_packets += other.originator_packets;
  responder_packets += other.responder_packets;
  retransmits += other.retransmits;
}

}  // namespace iris::simulator
