// SPDX-License-Identifier: Apache-2.0
#include "replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace iris::detection {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kWindow = 10 * kSecond;
constexpr std::int64_t kEpoch = 1'000'000'000 * kSecond;  // see Player
constexpr std::int64_t kUnmonitored = 36 * 3600 * kSecond / kWindow;  // windows; as score.cpp has it
constexpr const char* kGateway = "site";

std::string net_of(const base::IpAddress& address) {
  return std::string(reinterpret_cast<const char*>(address.bytes.data()), address.is_v4() ? 15 : 8);
}

struct Outcome {
  bool opened = true, established = false, finished = false;
  std::optional<flow::FailureReason> failure;
  bool mid_stream = false;
};

/// Zeek's state in the terms of a kernel that watched the socket.
Outcome outcome_of(const Connection& c) {
  Outcome result;
  if (c.protocol != 6) {
    result.finished = false;
    return result;
  }
  const auto& s = c.state;
  if (s == "S0" || s == "SH" || s == "RSTOS0") {
    result.failure = flow::FailureReason::timed_out;
  } else if (s == "REJ" || s == "RSTRH") {
    result.failure = flow::FailureReason::refused;
  } else if (s == "OTH" || s == "SHR") {
    result.mid_stream = true;
    result.opened = false;
  } else if (s == "SF" || s == "RSTO" || s == "RSTR" || s == "S1" || s == "S2" || s == "S3") {
    result.established = true;
    result.finished = s[0] != 'S' || s == "SF";
  } else if (c.resp_packets > 0 || c.resp_bytes > 0) {
    result.established = result.finished = true;
  } else {
    result.failure = flow::FailureReason::timed_out;
  }
  return result;
}

/// Errors, neighbour discovery, group membership: the kernel's own, no socket's.
bool opens_nothing(const Connection& c) {
  if (c.protocol == 2) return true;
  if (c.protocol != 1) return false;
  const bool v6 = c.src_ip && !c.src_ip->is_v4();
  if (v6) return c.sport != 128;
  return c.sport != 8 && c.sport != 13;
}

std::uint64_t share(std::uint64_t total, std::int64_t part, std::int64_t parts) {
  return static_cast<std::uint64_t>(static_cast<long double>(total) * static_cast<long double>(part) /
                                    static_cast<long double>(parts));
}

}  // namespace

Network::Network(const Scenario& scenario, const std::vector<Connection>& connections) {
  for (const auto& text : addresses_in(scenario.device)) {
    named_.insert(*base::IpAddress::parse(text));
    devices_.insert(text);
  }
  std::map<std::string, std::size_t> seen;
  std::size_t all = 0, at_home = 0;
  for (const auto& c : connections) {
    if (c.protocol < 0) continue;
    ++all;
    const bool dhcp = c.protocol == 17 && (c.dport == 67 || c.dport == 68);
    at_home += local(*c.src_ip) || local(*c.dst_ip);
    for (const auto* ip : {&*c.src_ip, &*c.dst_ip}) {
      if (is_group(*ip) || ip->is_unspecified()) continue;
      ++seen[net_of(*ip)];
      if (dhcp) home_.insert(net_of(*ip));
    }
  }
  // Only where private addresses do not explain the capture: a cloud may be in all records, too.
  for (const auto& [net, count] : seen)
    if (count * 2 >= all && at_home * 2 < all) home_.insert(net);
  if (!devices_.empty()) return;
  for (const auto& c : connections)
    if (c.protocol >= 0 && local(*c.src_ip)) devices_.insert(c.src);
  if (devices_.empty())  // only ever called
    for (const auto& c : connections)
      if (c.protocol >= 0 && local(*c.dst_ip)) devices_.insert(c.dst);
}

bool Network::local(const base::IpAddress& address) const {
  if (address.is_unspecified() || is_group(address)) return false;
  return is_private(address) || named_.count(address) > 0 || home_.count(net_of(address)) > 0;
}

const std::string* Player::name_of(const base::IpAddress& address) const {
  const auto found = names_.find(address);
  return found == names_.end() ? nullptr : &found->second;
}

void Player::play(const std::vector<const Connection*>& connections, const std::vector<Name>& names, Seconds shift) {
  auto name = names.begin();
  for (const auto* connection : connections) {
    ++stats_.connections;
    if (connection->protocol < 0) {
      ++stats_.not_ip;
      continue;
    }
    // A name and the conversation it leads to may carry the same time.
    for (; name != names.end() && name->ts <= connection->ts + 0.001; ++name)
      for (const auto& address : name->addresses) names_[address] = name->name;
    const auto start = static_cast<std::int64_t>(std::llround((connection->ts + shift) * 1e6)) * 1000 + kEpoch;
    flush(start / kWindow);
    if (done_window_ >= 0 && (paused_ || start / kWindow > done_window_ + kUnmonitored)) {
      done_window_ = start / kWindow;
      judge_.end_window(kGateway, static_cast<std::uint64_t>(done_window_ * kWindow));
    }
    paused_ = false;
    add(*connection, start);
  }
}

void Player::add(const Connection& c, std::int64_t start_ns) {
  // A source that reports slices of long conversations: the same ends again within a minute or so.
  continues_ = false;
  const bool sliced = c.state == "-" || c.state == "OTH";
  if (sliced) {
    auto& end = slices_[fmt::format("{} {} {} {} {}", c.src, c.sport, c.dst, c.dport, c.protocol)];
    continues_ = end != 0 && start_ns < end + 65 * kSecond;
    end = std::max(end, start_ns + static_cast<std::int64_t>(c.duration.value_or(0) * kSecond));
  }
  if (network_.local(*c.src_ip)) add_side(c, start_ns, true);
  if (network_.local(*c.dst_ip)) add_side(c, start_ns, false);
}

flow::FlowRecord& Player::cell(std::int64_t window, const Connection& c, bool originator) {
  const auto& self = originator ? c.src : c.dst;
  const auto& peer = originator ? *c.dst_ip : *c.src_ip;
  const std::uint16_t port = c.protocol == 6 || c.protocol == 17 ? c.dport : 0;
  auto [place, fresh] = windows_[window].try_emplace(Key{self, originator, c.protocol, peer, port});
  auto& record = place->second;
  if (!fresh) return record;
  auto& owner = owners_[self];
  if (!owner) {
    flow::Owner made;
    made.kind = flow::OwnerKind::host;
    made.name = self;
    owner = std::make_shared<const flow::Owner>(made);
  }
  record.owner = owner;
  record.window_start_wall_ns = static_cast<std::uint64_t>(window * kWindow);
  record.window_end_wall_ns = static_cast<std::uint64_t>((window + 1) * kWindow);
  record.role = originator ? flow::Role::originator : flow::Role::responder;
  record.protocol = static_cast<std::uint8_t>(c.protocol);
  record.local_address = originator ? c.src_ip : c.dst_ip;
  record.peer_address = peer;
  record.service_port = port;
  record.scope =
      network_.local(peer) || is_group(peer) || peer.is_unspecified() ? flow::Scope::site : flow::Scope::external;
  if (const auto* name = name_of(peer)) record.peer_names.push_back(*name);
  record.attribution = flow::Attribution::exact;
  return record;
}

void Player::add_side(const Connection& c, std::int64_t start_ns, bool originator) {
  const Outcome outcome = outcome_of(c);
  const auto length = static_cast<std::int64_t>(c.duration.value_or(0) * kSecond);
  const std::int64_t first = start_ns / kWindow;
  const std::int64_t last = (start_ns + length) / kWindow;
  const std::int64_t windows = last - first + 1;
  std::uint64_t done[4] = {};
  const std::uint64_t totals[4] = {c.orig_bytes, c.resp_bytes, c.orig_packets, c.resp_packets};
  for (std::int64_t window = first; window <= last; ++window) {
    const std::int64_t elapsed = length == 0 ? 1 : std::min(length, (window + 1) * kWindow - start_ns);
    std::uint64_t now[4];
    for (int i = 0; i < 4; ++i) {
      const auto upto = window == last ? totals[i] : share(totals[i], elapsed, std::max<std::int64_t>(length, 1));
      now[i] = upto - done[i];
      done[i] = upto;
    }
    const bool moved = now[0] + now[1] + now[2] + now[3] > 0;
    if (!moved && window != first && window != last) continue;  // an idle socket makes no summary
    auto& record = cell(window, c, originator);
    record.originator_bytes += now[0];
    record.responder_bytes += now[1];
    record.originator_packets += now[2];
    record.responder_packets += now[3];
    if (window == first && outcome.opened && !continues_ && !opens_nothing(c)) ++record.opened;
    if (window == first && outcome.established && !continues_) ++record.established;
    if (outcome.mid_stream && window == first) record.pre_existing = true;
    if (window == last && outcome.failure && !continues_) ++record.failed[static_cast<std::size_t>(*outcome.failure)];
    if (window == last && outcome.finished) ++record.closed;
    if (windows > 1 && window != last) ++record.active;
  }
}

void Player::heartbeat(std::int64_t window) {
  // An agent that has nothing to say still says that.
  constexpr std::int64_t kStep = 6;
  if (done_window_ >= 0)
    for (auto next = done_window_ + kStep; next < window; next += kStep)
      judge_.end_window(kGateway, static_cast<std::uint64_t>(next * kWindow));
}

void Player::flush(std::int64_t before_window) {
  while (!windows_.empty() && windows_.begin()->first < before_window) {
    const auto window = windows_.begin()->first;
    heartbeat(window);
    for (auto& [key, record] : windows_.begin()->second) {
      ++stats_.summaries;
      judge_.add(kGateway, flow::Record(std::move(record)));
    }
    judge_.end_window(kGateway, static_cast<std::uint64_t>((window + 1) * kWindow));
    done_window_ = window + 1;
    windows_.erase(windows_.begin());
  }
}

void Player::finish() { flush(INT64_MAX); }

std::vector<AlertRow> Player::take() {
  std::vector<AlertRow> rows;
  const auto scenario_time = [](std::uint64_t wall_ns) {
    return static_cast<double>(static_cast<std::int64_t>(wall_ns) - kEpoch) / kSecond;
  };
  for (const auto& alert : judge_.take_alerts()) {
    if (alert.rule == "agent_silent") continue;  // the pauses are the captures', see play()
    AlertRow row;
    row.time = scenario_time(alert.wall_ns);
    row.last = scenario_time(alert.last_wall_ns);
    row.alert_class = detect::to_string(alert.alert_class);
    row.rule = alert.rule;
    row.rules = alert.rules;
    row.severity = static_cast<int>(alert.severity);
    row.device = alert.subject;
    row.peer = alert.peer.substr(0, alert.peer.find(' '));
    row.summary = alert.summary;
    row.count = alert.count;
    rows.push_back(std::move(row));
    judge_.close(alert.id);
  }
  return rows;
}

}  // namespace iris::detection
