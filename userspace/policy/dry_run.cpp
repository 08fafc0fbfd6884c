// SPDX-License-Identifier: Apache-2.0
#include "policy/dry_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/rfc3339.h"
#include "policy/text.h"

namespace iris::policy {
namespace {

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

nlohmann::ordered_json json_of(const Tally& tally) {
  return {{"summaries", tally.summaries},
          {"conversations", tally.conversations},
          {"answered", tally.answered},
          {"bytes", tally.bytes}};
}

std::string time_text(std::uint64_t wall_ns) { return base::format_rfc3339(wall_ns / 1'000'000'000 * 1'000'000'000); }

const char* way_of(flow::Role role) { return role == flow::Role::originator ? "to" : "from"; }

std::string owner_name(const flow::Owner& owner) {
  return owner.module_id.empty() ? owner.name.empty() ? owner.container_id.substr(0, 12) : owner.name : owner.module_id;
}

}  // namespace

void Tally::add(const profile::Observation& seen) {
  ++summaries;
  conversations += seen.attempts;
  answered += std::min(seen.answered, seen.attempts);
  bytes += seen.bytes_in + seen.bytes_out;
}

DryRun::DryRun(const Policy& policy, Format format)
    : policy_(policy), format_(format), grants_(grants_of(policy, format)) {}

bool DryRun::is_filtered(const std::string& gateway, const flow::FlowRecord& record, const profile::Observation& seen,
                         Side side) const {
  if (record.scope == flow::Scope::loopback || (seen.address && seen.address->is_loopback())) return false;
  if (format_ == Format::mud) return true;
  const auto& owner = side == Side::owner ? record.owner : record.peer_owner;
  const std::string name = side == Side::device ? record.peer_device : owner ? owner_name(*owner) : std::string();
  const auto place = std::find_if(policy_.places.begin(), policy_.places.end(), [&](const Place& one) {
    return one.gateway == gateway && one.name == name;
  });
  if (place == policy_.places.end()) return false;
  if (format_ == Format::network_policy)
    // What comes from the pod's own node always gets through.
    return !place->host_network && !(seen.role == flow::Role::responder && seen.peer.kind == profile::PeerKind::host);
  return place->host_network ? !cgroup_match(place->cgroup_path).first.empty() : !place->addresses.empty();
}

void DryRun::add(const std::string& gateway, const flow::FlowRecord& record, Side side) {
  const auto seen = observe(record, side);
  if (!is_filtered(gateway, record, seen, side)) return not_filtered_.add(seen);
  const bool needs_port = seen.protocol == 6 || seen.protocol == 17;
  if (seen.folded || !seen.address || (needs_port && seen.port == 0)) return not_known_.add(seen);
  const bool allowed = std::any_of(grants_.grants.begin(), grants_.grants.end(),
                                   [&](const Grant& grant) { return permits(grant, seen, record, side); });
  if (allowed) return allowed_.add(seen);
  lost_.add(seen);
  const Key key{{seen.role, service_text(seen.protocol, profile::service_port(seen.port))},
                {seen.peer.label, profile::to_string(seen.peer.kind)}};
  const auto known = lines_.find(key);
  if (known != lines_.end()) known->second.add(seen);
  else if (lines_.size() < kMaxKinds) lines_[key].add(seen);
  else others_.add(seen);
}

std::vector<DryRun::Line> DryRun::worst() const {
  std::vector<Line> lines;
  for (const auto& [key, tally] : lines_)
    lines.push_back({key.first.first, key.first.second, plain(key.second.first), "", tally});
  std::size_t i = 0;
  for (const auto& [key, tally] : lines_) lines[i++].kind = key.second.second.c_str();
  // Answered ones hurt; a peer that never answered is not missed.
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tie(b.tally.answered, b.tally.bytes, b.tally.conversations) <
           std::tie(a.tally.answered, a.tally.bytes, a.tally.conversations);
  });
  return lines;
}

std::string DryRun::verdict() const {
  const std::uint64_t judged = allowed_.summaries + lost_.summaries;
  if (judged == 0 && not_filtered_.summaries + not_known_.summaries == 0) return "verdict: no traffic in these days, nothing is proven";
  if (judged == 0) return "verdict: nothing of this traffic would have been filtered";
  if (!would_lose()) return "verdict: nothing would have been lost";
  const auto total = static_cast<double>(allowed_.bytes + lost_.bytes);
  const double share = total > 0 ? static_cast<double>(lost_.bytes) / total * 100 : 0;
  return fmt::format("verdict: {} conversations ({} of them answered) and {} would have been lost, {:.2g} % of the bytes, at {}{} peer{}",
                     lost_.conversations, lost_.answered, bytes_text(lost_.bytes), share,
                     others_.summaries > 0 ? "more than " : "", lines_.size(), lines_.size() == 1 ? "'s service" : "s' services");
}

std::string DryRun::text() const {
  std::string out = fmt::format("{} as {}, against the flows from {} to {}\n\n", plain(policy_.name), to_string(format_),
                                time_text(policy_.start_wall_ns), time_text(policy_.end_wall_ns));
  out += fmt::format("{:<14} {:>13} {:>10} {:>10}\n", "", "CONVERSATIONS", "ANSWERED", "BYTES");
  const auto row = [&](const char* name, const Tally& tally) {
    out += fmt::format("{:<14} {:>13} {:>10} {:>10}\n", name, tally.conversations, tally.answered, bytes_text(tally.bytes));
  };
  row("allowed", allowed_);
  row("lost", lost_);
  row("not filtered", not_filtered_);
  row("not known", not_known_);
  const auto lines = worst();
  if (!lines.empty()) out += "\nlost:\n";
  for (std::size_t i = 0; i < std::min(lines.size(), kMaxLines); ++i) {
    const auto& line = lines[i];
    out += fmt::format("  {:<4} {:<40} {:<18} {:>8} conversations, {} answered, {}\n", way_of(line.role),
                       fmt::format("{} ({})", line.peer, line.kind), line.service, line.tally.conversations,
                       line.tally.answered, bytes_text(line.tally.bytes));
  }
  if (lines.size() > kMaxLines) out += fmt::format("  and {} more\n", lines.size() - kMaxLines);
  return out + "\n" + verdict() + "\n";
}

std::string DryRun::json() const {
  nlohmann::ordered_json whole;
  whole["name"] = plain(policy_.name);
  whole["profile"] = plain(policy_.key);
  whole["format"] = to_string(format_);
  whole["from"] = time_text(policy_.start_wall_ns);
  whole["to"] = time_text(policy_.end_wall_ns);
  whole["allowed"] = json_of(allowed_);
  whole["lost"] = json_of(lost_);
  whole["not_filtered"] = json_of(not_filtered_);
  whole["not_known"] = json_of(not_known_);
  auto& list = whole["lost_by_peer"] = nlohmann::ordered_json::array();
  const auto lines = worst();
  for (std::size_t i = 0; i < std::min(lines.size(), kMaxLines); ++i) {
    auto entry = json_of(lines[i].tally);
    entry["direction"] = way_of(lines[i].role);
    entry["service"] = lines[i].service;
    entry["peer"] = lines[i].peer;
    entry["kind"] = lines[i].kind;
    list.push_back(std::move(entry));
  }
  whole["more_peers"] = lines.size() - std::min(lines.size(), kMaxLines);
  whole["verdict"] = verdict().substr(std::string_view("verdict: ").size());
  whole["notes"] = grants_.notes;
  // Labels were made plain above; what is left of foreign bytes is replaced.
  return whole.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace iris::policy
