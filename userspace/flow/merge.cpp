// SPDX-License-Identifier: Apache-2.0
#include "flow/merge.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

namespace iris::flow {
namespace {

/// As many names as one merged flow keeps: processes come and go over the hours
/// that a merge may span.
constexpr std::size_t kMaxNames = 32;

/// Packed batches bring a copy of each owner apiece; a merged one names each once.
/// Of two states of one owner the one mentioned last stands.
class Owners {
 public:
  /// The same for each state of one owner; 0 for none.
  std::uint32_t number_of(const OwnerPtr& owner) {
    if (!owner) return 0;
    const auto [at, is_new] = by_pointer_.try_emplace(owner, 0);
    if (is_new) {
      // An inode number alone may be used again.
      Identity identity{owner->cgroup_id, owner->container_id, owner->cgroup_path};
      at->second = by_identity_.try_emplace(std::move(identity), by_identity_.size() + 1).first->second;
      latest_.resize(by_identity_.size());
    }
    latest_[at->second - 1] = owner;
    return at->second;
  }
  const OwnerPtr& latest(const OwnerPtr& owner) { return latest_[by_pointer_.at(owner) - 1]; }

 private:
  using Identity = std::tuple<std::uint64_t, std::string, std::string>;
  std::unordered_map<OwnerPtr, std::uint32_t> by_pointer_;
  std::map<Identity, std::uint32_t> by_identity_;
  std::vector<OwnerPtr> latest_;  // by number - 1
};

using FlowKey =
    std::tuple<std::uint32_t, Role, std::uint8_t, std::optional<base::IpAddress>, std::uint16_t, Scope, bool>;

FlowKey key_of(const FlowRecord& flow, Owners& owners) {
  return {owners.number_of(flow.owner), flow.role,  flow.protocol, flow.peer_address,
          flow.service_port,            flow.scope, flow.folded};
}

/// Calls `visit` with each owner of the record.
template <typename Visit>
void for_each_owner(Record& record, Visit visit) {
  std::visit(
      [&](auto& one) {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (kHasOwner<Kind>) visit(one.owner);
        if constexpr (std::is_same_v<Kind, FlowRecord>) visit(one.peer_owner);
        if constexpr (std::is_same_v<Kind, ExitRecord>) {
          if (one.killed_by) visit(one.killed_by->owner);
        }
      },
      record);
}

// 0 is "not known".
std::uint64_t earlier(std::uint64_t a, std::uint64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

void unite(std::vector<std::string>& to, const std::vector<std::string>& from) {
  for (const auto& name : from) {
    if (to.size() >= kMaxNames) return;
    if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
  }
}

double weight_of(const FlowRecord& flow) {
  return 1.0 + static_cast<double>(flow.originator_packets) + static_cast<double>(flow.responder_packets);
}

/// The mean is weighted by packets and rounded at each step.
std::optional<RttSummary> united_rtt(const FlowRecord& a, const FlowRecord& b) {
  if (!a.rtt_us || !b.rtt_us) return a.rtt_us ? a.rtt_us : b.rtt_us;
  const double share = weight_of(b) / (weight_of(a) + weight_of(b));
  const double mean = std::lerp(static_cast<double>(a.rtt_us->mean_us), static_cast<double>(b.rtt_us->mean_us), share);
  return RttSummary{std::min(a.rtt_us->min_us, b.rtt_us->min_us), static_cast<std::uint32_t>(std::lround(mean)),
                    std::max(a.rtt_us->max_us, b.rtt_us->max_us)};
}

void add(FlowRecord& to, FlowRecord&& from) {
  to.rtt_us = united_rtt(to, from);  // before the packets, its weights, are added
  to.window_start_wall_ns = earlier(to.window_start_wall_ns, from.window_start_wall_ns);
  to.window_end_wall_ns = std::max(to.window_end_wall_ns, from.window_end_wall_ns);
  if (!to.local_address) to.local_address = from.local_address;
  unite(to.peer_names, from.peer_names);
  unite(to.processes, from.processes);
  if (from.peer_owner) to.peer_owner = std::move(from.peer_owner);
  if (!from.peer_device.empty()) to.peer_device = std::move(from.peer_device);
  to.opened += from.opened;
  to.established += from.established;
  to.closed += from.closed;
  to.active = from.active;
  for (std::size_t i = 0; i < to.failed.size(); ++i) to.failed[i] += from.failed[i];
  to.originator_bytes += from.originator_bytes;
  to.responder_bytes += from.responder_bytes;
  to.originator_packets += from.originator_packets;
  to.responder_packets += from.responder_packets;
  to.retransmits += from.retransmits;
  to.first_seen_wall_ns = earlier(to.first_seen_wall_ns, from.first_seen_wall_ns);
  to.last_seen_wall_ns = std::max(to.last_seen_wall_ns, from.last_seen_wall_ns);
  to.pre_existing = to.pre_existing || from.pre_existing;
  to.attribution = std::max(to.attribution, from.attribution);  // the less sure
}

void add(Ledger& to, const Ledger& from) {
  to.window_start_wall_ns = earlier(to.window_start_wall_ns, from.window_start_wall_ns);
  to.window_end_wall_ns = std::max(to.window_end_wall_ns, from.window_end_wall_ns);
  to.sequence = from.sequence;
  to.produced += from.produced;
  to.delivered += from.delivered;
  to.folded += from.folded;
  for (const auto& [reason, count] : from.dropped) to.dropped[reason] += count;
}

class Merger {
 public:
  void take(Batch&& batch) {
    merged_.start_wall_ns = earlier(merged_.start_wall_ns, batch.start_wall_ns);
    merged_.end_wall_ns = std::max(merged_.end_wall_ns, batch.end_wall_ns);
    std::move(batch.gaps.begin(), batch.gaps.end(), std::back_inserter(merged_.gaps));
    for (auto& [key, value] : batch.keep) merged_.keep.insert_or_assign(key, std::move(value));
    for (auto& record : batch.records) take(std::move(record));
  }

  Batch finish() {
    if (ledger_) merged_.records.emplace_back(std::move(*ledger_));
    for (auto& record : merged_.records) {
      for_each_owner(record, [this](OwnerPtr& owner) {
        if (owner) owner = owners_.latest(owner);
      });
    }
    return std::move(merged_);
  }

 private:
  void take(Record&& record) {
    for_each_owner(record, [this](OwnerPtr& owner) { owners_.number_of(owner); });
    if (auto* flow = std::get_if<FlowRecord>(&record)) {
      const auto [at, is_new] = flows_.try_emplace(key_of(*flow, owners_), merged_.records.size());
      if (!is_new) return add(std::get<FlowRecord>(merged_.records[at->second]), std::move(*flow));
    } else if (auto* ledger = std::get_if<Ledger>(&record)) {
      if (ledger_) return add(*ledger_, *ledger);
      ledger_ = std::move(*ledger);
      return;
    }
    merged_.records.push_back(std::move(record));
  }

  Batch merged_;
  std::map<FlowKey, std::size_t> flows_;  // to their places in merged_.records
  std::optional<Ledger> ledger_;
  Owners owners_;
};

std::set<FlowKey> keys_of(const Batch& batch, Owners& owners) {
  std::set<FlowKey> keys;
  for (const auto& record : batch.records) {
    if (const auto* flow = std::get_if<FlowRecord>(&record)) keys.insert(key_of(*flow, owners));
  }
  return keys;
}

bool lost_something(const Ledger& ledger) {
  return std::any_of(ledger.dropped.begin(), ledger.dropped.end(), [](const auto& drop) { return drop.second != 0; });
}

}  // namespace

Batch merge(std::vector<Batch> batches) {
  Merger merger;
  for (auto& batch : batches) merger.take(std::move(batch));
  return merger.finish();
}

bool can_wait(const Batch& batch, const Batch& before) {
  if (!batch.gaps.empty()) return false;
  Owners owners;
  const auto known = keys_of(before, owners);
  return std::none_of(batch.records.begin(), batch.records.end(), [&](const Record& record) {
    if (const auto* flow = std::get_if<FlowRecord>(&record)) return !known.contains(key_of(*flow, owners));
    if (const auto* ledger = std::get_if<Ledger>(&record)) return lost_something(*ledger);
    if (const auto* change = std::get_if<DeviceRecord>(&record)) return change->change != DeviceRecord::Change::updated;
    return std::holds_alternative<ExitRecord>(record) || std::holds_alternative<ContainerRecord>(record) ||
           std::holds_alternative<SecurityRecord>(record);
  });
}

}  // namespace iris::flow
