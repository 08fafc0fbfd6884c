// SPDX-License-Identifier: Apache-2.0
// Scans need no baseline: no workload in health asks many strangers, or one peer on
// many ports, mostly in vain.
#include <fmt/format.h>

#include <algorithm>

#include "detect/entity.h"
#include "detect/ports.h"
#include "profile/domain.h"
#include "profile/sketch.h"

namespace iris::detect {
namespace {

std::uint64_t address_hash(const profile::Observation& seen) {
  return seen.address ? base::IpAddressHash{}(*seen.address) : seen.peer.hash;
}

Finding scan(const Moment& moment, std::string_view rule, AlertClass alert_class, std::size_t found,
             std::uint64_t limit, std::string_view what, std::string_view time) {
  Finding finding;
  finding.rule = rule;
  finding.alert_class = alert_class;
  finding.severity = Severity::high;
  finding.expected =
      Expected{fmt::format("{} tried in {}", what, time), 0, static_cast<double>(limit), std::string(what)};
  finding.observed = static_cast<double>(found);
  const char* more = found >= Fan::kMembers ? " or more" : "";
  finding.summary = fmt::format("{} tried {}{} {} within {}, mostly in vain (at most {} is usual for any workload)",
                                moment.entity.subject, found, more, what, time, limit);
  return finding;
}

/// A workload whose network is down tries one address of its cloud after the other.
/// Who got an answer of late is not cut off.
bool network_works(const Moment& moment) {
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  const auto& answered = moment.entity.answered_ns;
  return std::any_of(answered.begin(), answered.end(),
                     [&](std::uint64_t time) { return time != 0 && moment.now_ns - time < kHour; });
}

/// Many strangers on ports that no service is known for: how bots without a server
/// find each other.
void peer_to_peer(const Moment& moment, std::uint64_t peer, std::uint64_t tries, std::uint64_t vain, Findings& out) {
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  if (seen.reach != profile::Reach::external || seen.named || seen.port == 0 || is_usual_port(seen.port)) return;
  const auto& strangers = moment.entity.use_fans(moment.now_ns).strangers_hour.add(moment.now_ns, 0, peer, tries, vain);
  if (strangers.members.size() < limits.strangers_hour || strangers.unanswered_share() < 0.5 || !network_works(moment))
    return;
  out.push_back(scan(moment, "peer_to_peer", AlertClass::command_and_control, strangers.members.size(),
                     limits.strangers_hour, "Internet addresses without a name on unusual ports", "an hour"));
  out.back().severity = Severity::medium;
}

void outbound(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  auto& fans = moment.entity.use_fans(moment.now_ns);
  const std::uint64_t peer = address_hash(seen);
  const std::uint64_t service =
      std::uint64_t{seen.protocol} << 32 | std::uint64_t{seen.port} << 8 | static_cast<std::uint64_t>(seen.reach);
  const bool site = seen.reach == profile::Reach::site;
  const std::uint64_t tries = std::max<std::uint64_t>(seen.attempts, 1);
  const std::uint64_t vain = seen.answered == 0 ? tries : std::min(seen.failures, tries);

  const auto& minute = fans.ports_minute.add(moment.now_ns, service, peer, tries, vain);
  const auto& hour = fans.ports_hour.add(moment.now_ns, service, peer, tries, vain);
  const auto most = site ? limits.horizontal_site_minute : limits.horizontal_external_minute;
  const std::string what = fmt::format("{} addresses on {}", site ? "local" : "Internet", moment.service_text());
  const bool alive = !is_usual_port(seen.port) || site || network_works(moment);
  if (minute.members.size() >= most && minute.unanswered_share() >= limits.scan_unanswered_share && alive)
    out.push_back(
        scan(moment, "horizontal_scan", AlertClass::lateral_movement, minute.members.size(), most, what, "a minute"));
  else if (hour.members.size() >= limits.horizontal_hour && hour.unanswered_share() >= limits.scan_unanswered_share &&
           network_works(moment))
    out.push_back(scan(moment, "horizontal_scan", AlertClass::lateral_movement, hour.members.size(),
                       limits.horizontal_hour, what, "an hour"));
  else if (site && hour.members.size() >= limits.horizontal_new_site_hour)
    out.push_back(scan(moment, "horizontal_scan", AlertClass::lateral_movement, hour.members.size(),
                       limits.horizontal_new_site_hour, "new " + what, "an hour"));

  peer_to_peer(moment, peer, tries, vain, out);
  if (seen.port == 0) return;
  const std::uint64_t port = std::uint64_t{seen.protocol} << 16 | seen.port;
  const auto& near = fans.peers_minute.add(moment.now_ns, peer, port, tries, vain);
  const auto& far = fans.peers_hour.add(moment.now_ns, peer, port, tries, vain);
  const bool fast =
      near.members.size() >= limits.vertical_minute && near.unanswered_share() >= limits.scan_unanswered_share;
  const bool slow =
      far.members.size() >= limits.vertical_hour && far.unanswered_share() >= limits.scan_unanswered_share;
  if (!fast && !slow) return;
  out.push_back(scan(moment, "vertical_scan", AlertClass::lateral_movement,
                     fast ? near.members.size() : far.members.size(),
                     fast ? limits.vertical_minute : limits.vertical_hour, "ports of " + moment.peer_text(),
                     fast ? "a minute" : "an hour"));
  out.back().peer = moment.peer_text();
}

void inbound(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  auto& fans = moment.entity.use_fans(moment.now_ns);
  const bool external = seen.reach == profile::Reach::external;
  const auto alert_class = external ? AlertClass::initial_infection : AlertClass::lateral_movement;
  const std::uint64_t tries = std::max<std::uint64_t>(seen.attempts, 1);
  const std::uint64_t vain = seen.answered == 0 ? tries : std::min(seen.failures, tries);
  const std::uint64_t peer = address_hash(seen);
  if (seen.port != 0) {
    const std::uint64_t port = std::uint64_t{seen.protocol} << 16 | seen.port;
    const auto& near = fans.inbound_minute.add(moment.now_ns, peer, port, tries, vain);
    const auto& far = fans.inbound_hour.add(moment.now_ns, peer, port, tries, vain);
    const bool fast =
        near.members.size() >= limits.vertical_minute && near.unanswered_share() >= limits.scan_unanswered_share;
    const bool slow =
        far.members.size() >= limits.vertical_hour && far.unanswered_share() >= limits.scan_unanswered_share;
    if (fast || slow) {
      const auto found = fast ? near.members.size() : far.members.size();
      const auto limit = fast ? limits.vertical_minute : limits.vertical_hour;
      auto finding = scan(moment, "inbound_scan", alert_class, found, limit, "ports", fast ? "a minute" : "an hour");
      finding.peer = moment.peer_text();
      if (seen.address) finding.source = seen.address->to_string();
      finding.summary = fmt::format("{} tried {} ports of {} within {}, mostly in vain (at most {} is usual)",
                                    finding.peer, found, moment.entity.subject, fast ? "a minute" : "an hour", limit);
      out.push_back(std::move(finding));
    }
  }
  if (!external || seen.protocol == 1) return;
  const auto& sources = fans.sources_hour.add(moment.now_ns, 0, peer, tries, vain);
  const auto& ports =
      fans.probed_hour.add(moment.now_ns, 0, std::uint64_t{seen.protocol} << 16 | seen.port, tries, vain);
  if (sources.members.size() < limits.internet_sources_hour || ports.members.size() < limits.internet_ports_hour)
    return;
  if (sources.unanswered_share() < limits.scan_unanswered_share) return;
  Finding finding;
  finding.rule = "inbound_internet_probes";
  finding.alert_class = AlertClass::initial_infection;
  finding.severity = Severity::medium;
  finding.expected = Expected{"strangers from the Internet an hour", 0,
                              static_cast<double>(limits.internet_sources_hour), "addresses"};
  finding.observed = static_cast<double>(sources.members.size());
  finding.summary = fmt::format(
      "{} is open to the Internet: {}{} strangers tried {} of its ports within an hour (none is expected behind a "
      "gateway)",
      moment.entity.subject, sources.members.size(), sources.members.size() >= Fan::kMembers ? " or more" : "",
      ports.members.size());
  out.push_back(std::move(finding));
}

}  // namespace

void detect_half_open(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  const std::uint64_t packets = seen.packets_in + seen.packets_out;
  constexpr std::uint8_t kTcp = 6;
  if (seen.folded || seen.reach == profile::Reach::near || seen.protocol != kTcp ||
      seen.bytes_in + seen.bytes_out > 0 || packets < moment.limits.half_open_packets)
    return;
  Finding finding;
  const bool flood = seen.port != 0;
  finding.rule = flood ? "service_flood" : seen.outbound() ? "vertical_scan" : "inbound_scan";
  finding.alert_class = flood ? AlertClass::denial_of_service : AlertClass::lateral_movement;
  if (!flood && !seen.outbound() && seen.reach == profile::Reach::external)
    finding.alert_class = AlertClass::initial_infection;
  finding.severity = Severity::high;
  finding.peer = moment.peer_text();
  if (!seen.outbound() && seen.address && !seen.pre_existing) finding.source = seen.address->to_string();
  finding.expected = Expected{"TCP packets without payload in a window", 0,
                              static_cast<double>(moment.limits.half_open_packets), "packets"};
  finding.observed = static_cast<double>(packets);
  finding.summary =
      fmt::format("{} TCP packets between {} and {} on {} carried no byte: connections are opened and dropped", packets,
                  moment.entity.subject, finding.peer, moment.service_text());
  out.push_back(std::move(finding));
}

void detect_scan(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  if (seen.folded || seen.discovery || seen.reach == profile::Reach::near || seen.peer.kind == profile::PeerKind::role)
    return;
  if (seen.pre_existing || seen.attempts == 0) return;  // who opened it is a guess, or it was not now
  if (seen.outbound())
    outbound(moment, out);
  else
    inbound(moment, out);
}

void detect_failed_name(const flow::DnsRecord& answer, Entity& entity, const Thresholds& limits, Findings& out) {
  constexpr std::uint8_t kNoSuchName = 3;  // RFC 1035 RCODE
  if (answer.response_code != kNoSuchName || answer.question_name.find('.') == std::string::npos) return;
  // By domain: a search list that appends the same suffixes counts once.
  const auto domain = profile::stable_hash(profile::registrable_domain(answer.question_name));
  const auto& names = entity.use_fans(answer.wall_ns).names_hour.add(answer.wall_ns, 0, domain, 1, 1);
  if (names.members.size() < limits.failed_names_hour) return;
  Finding finding;
  finding.rule = "failed_names";
  finding.alert_class = AlertClass::command_and_control;
  finding.expected = Expected{"different domains asked for in vain, an hour", 0,
                              static_cast<double>(limits.failed_names_hour), "domains"};
  finding.observed = static_cast<double>(names.members.size());
  finding.summary =
      fmt::format("{} asked for {}{} different domains that do not exist within an hour, last for {}", entity.subject,
                  names.members.size(), names.members.size() >= Fan::kMembers ? " or more" : "",
                  answer.question_name.substr(0, 80));
  out.push_back(std::move(finding));
}

}  // namespace iris::detect
