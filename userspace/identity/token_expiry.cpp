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

/// Moves the elements for which `release` is true to `out`, and keeps the order of both.
template <typename HeldRecords, typename Release, typename Change>
void move_out(HeldRecords& held, std::vector<flow::SecurityRecord>& out, Release release, Change change) {
  HeldRecords kept;
  for (auto& one : held) {
    if (release(one.record)) {
      out.push_back(change(std::move(one.record)));
    } else {
      kept.push_back(std::move(one));
    }
  }
  held = std::move(kept);
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
      held_.push_back({std::move(record), position});
    }
  }
  release_old(out);
  return out;
}

std::vector<flow::SecurityRecord> TokenExpiryFilter::flush() {
  std::vector<flow::SecurityRecord> out;
  for (Held& held : held_) out.push_back(std::move(held.record));
  held_.clear();
  return out;
}

std::optional<std::uint64_t> TokenExpiryFilter::oldest_held_position() const {
  if (held_.empty()) return std::nullopt;
  return held_.front().position;
}

void TokenExpiryFilter::note_connect(const ConnectRecord& connect, std::vector<flow::SecurityRecord>& out) {
  newest_ns_ = std::max(newest_ns_, connect.wall_ns);
  const Identity who = identity(connect.hub, connect.device_id, connect.module_id);
  const auto explained = [&](const flow::SecurityRecord& record) {
    return follows(connect.wall_ns, record.wall_ns) && identity(record.hub, record.device_id, record.module_id) == who;
  };
  if (std::any_of(held_.begin(), held_.end(), [&](const Held& held) { return explained(held.record); })) {
    move_out(held_, out, explained, as_expiry);
  }
  connects_[who].push_back(connect.wall_ns);
  connect_order_.emplace_back(connect.wall_ns, who);
}

bool TokenExpiryFilter::has_reconnected(const flow::SecurityRecord& record) const {
  const auto found = connects_.find(identity(record.hub, record.device_id, record.module_id));
  return found != connects_.end() && std::any_of(found->second.begin(), found->second.end(),
                                                 [&](std::uint64_t time) { return follows(time, record.wall_ns); });
}

void TokenExpiryFilter::release_old(std::vector<flow::SecurityRecord>& out) {
  std::size_t too_many = held_.size() > kMaxHeld ? held_.size() - kMaxHeld : 0;
  const auto is_due = [&](const flow::SecurityRecord& record) {
    if (newest_ns_ - record.wall_ns > kReconnectNs + kGraceNs) return true;
    if (too_many == 0) return false;
    --too_many;
    return true;
  };
  move_out(held_, out, is_due, [](flow::SecurityRecord record) { return record; });
  // A refusal that comes late may still find a connect of up to a minute after it.
  while (!connect_order_.empty() &&
         (connect_order_.size() > kMaxConnects || newest_ns_ - connect_order_.front().first > kReconnectNs + 2 * kGraceNs)) {
    const Identity& who = connect_order_.front().second;
    const auto found = connects_.find(who);
    found->second.pop_front();
    if (found->second.empty()) connects_.erase(found);
    connect_order_.pop_front();
  }
}

}  // namespace iris::identity
