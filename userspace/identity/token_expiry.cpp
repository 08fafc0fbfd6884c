// SPDX-License-Identifier: Apache-2.0
#include "identity/token_expiry.h"

#include <algorithm>

namespace iris::identity {
namespace {

constexpr std::string_view kCode = "401003";

bool may_be_expiry(const flow::SecurityRecord& record) { return record.code == kCode && !record.device_id.empty(); }

flow::SecurityRecord as_expiry(flow::SecurityRecord record) {
  record.reason = flow::SecurityReason::token_expired;
  record.severity = 1;
  return record;
}

bool follows(std::uint64_t connect_ns, std::uint64_t refused_ns) {
  return connect_ns >= refused_ns && connect_ns - refused_ns <= TokenExpiryFilter::kReconnectNs;
}

}  // namespace

TokenExpiryFilter::Identity TokenExpiryFilter::identity(const std::string& hub, const std::string& device_id, const std::string& module_id) {
  return {hub, module_id.empty() ? device_id : device_id + "/" + module_id};
}

std::vector<flow::SecurityRecord> TokenExpiryFilter::take(LogReading reading, std::uint64_t position) {
  std::vector<flow::SecurityRecord> out;
  for (const ConnectRecord& connect : reading.connects) note_connect(connect, out);
  for (flow::SecurityRecord& record : reading.records) {
    newest_ns_ = std::max(newest_ns_, record.wall_ns);
    if (!may_be_expiry(record)) {
      out.push_back(std::move(record));
    } else if (has_reconnected(record)) {
      out.push_back(as_expiry(std::move(record)));
    } else {
      hold(std::move(record), position);
    }
  }
  release_old(out);
  forget_old_connects();
  return out;
}

std::vector<flow::SecurityRecord> TokenExpiryFilter::flush() {
  std::vector<flow::SecurityRecord> out;
  while (!held_.empty()) out.push_back(let_go(held_.begin()->first));
  return out;
}

std::optional<std::uint64_t> TokenExpiryFilter::oldest_held_position() const {
  if (held_.empty()) return std::nullopt;
  return held_.begin()->second.position;
}

void TokenExpiryFilter::note_connect(const ConnectRecord& connect, std::vector<flow::SecurityRecord>& out) {
  newest_ns_ = std::max(newest_ns_, connect.wall_ns);
  const Identity who = identity(connect.hub, connect.device_id, connect.module_id);
  if (const auto found = held_by_identity_.find(who); found != held_by_identity_.end()) {
    const std::set<Arrival> arrivals = found->second;
    for (const Arrival arrival : arrivals) {
      if (follows(connect.wall_ns, held_.at(arrival).record.wall_ns)) out.push_back(as_expiry(let_go(arrival)));
    }
  }
  connects_[who].push_back(connect.wall_ns);
  connect_order_.emplace_back(connect.wall_ns, who);
}

bool TokenExpiryFilter::has_reconnected(const flow::SecurityRecord& record) const {
  const auto found = connects_.find(identity(record.hub, record.device_id, record.module_id));
  return found != connects_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                 [&](std::uint64_t time) { return follows(time, record.wall_ns); });
}

void TokenExpiryFilter::hold(flow::SecurityRecord record, std::uint64_t position) {
  const Arrival arrival = next_arrival_++;
  held_by_time_.emplace(record.wall_ns, arrival);
  held_by_identity_[identity(record.hub, record.device_id, record.module_id)].insert(arrival);
  held_.emplace(arrival, Held{std::move(record), position});
}

flow::SecurityRecord TokenExpiryFilter::let_go(Arrival arrival) {
  const auto held = held_.find(arrival);
  flow::SecurityRecord record = std::move(held->second.record);
  held_.erase(held);
  held_by_time_.erase({record.wall_ns, arrival});
  const auto others = held_by_identity_.find(identity(record.hub, record.device_id, record.module_id));
  others->second.erase(arrival);
  if (others->second.empty()) held_by_identity_.erase(others);
  return record;
}

void TokenExpiryFilter::release_old(std::vector<flow::SecurityRecord>& out) {
  while (!held_by_time_.empty() && newest_ns_ - held_by_time_.begin()->first > kReconnectNs + kGraceNs) {
    out.push_back(let_go(held_by_time_.begin()->second));
  }
  while (held_.size() > kMaxHeld) out.push_back(let_go(held_.begin()->first));
}

void TokenExpiryFilter::forget_old_connects() {
  // A refusal that comes late may still find a connect of up to a minute after it.
  while (!connect_order_.empty() &&
         (connect_order_.size() > kMaxConnects || newest_ns_ - connect_order_.front().first > kReconnectNs + 2 * kGraceNs)) {
    const auto found = connects_.find(connect_order_.front().second);
    found->second.pop_front();
    if (found->second.empty()) connects_.erase(found);
    connect_order_.pop_front();
  }
}

}  // namespace iris::identity
