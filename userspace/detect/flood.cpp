// SPDX-License-Identifier: Apache-2.0
// Denial of service: a workload that takes part in it, or suffers it.
#include <fmt/format.h>

#include <algorithm>

#include "detect/entity.h"

namespace iris::detect {
namespace {

Finding flood(std::string_view rule, std::string metric, double limit, double observed, std::string unit) {
  Finding finding;
  finding.rule = rule;
  finding.alert_class = AlertClass::denial_of_service;
  finding.severity = Severity::high;
  finding.expected = Expected{std::move(metric), 0, limit, std::move(unit)};
  finding.observed = observed;
  return finding;
}

void participant(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  const double sent_s = static_cast<double>(seen.packets_out) / moment.window_s;
  const double attempts_s = static_cast<double>(seen.attempts) / moment.window_s;
  // A camera that always streams so much is no weapon.
  const double usual = moment.known.learned && moment.known.service != nullptr
                           ? static_cast<double>(moment.known.service->max_packets) / moment.window_s
                           : 0;
  const bool mute =
      static_cast<double>(seen.packets_in) < limits.flood_answer_share * static_cast<double>(seen.packets_out);
  if (sent_s >= limits.flood_packets_s && mute && sent_s > 2 * usual) {
    auto finding =
        flood("flood_participant", "unanswered packets to one peer", limits.flood_packets_s, sent_s, "packets/s");
    finding.peer = moment.peer_text();
    finding.summary = fmt::format("{} sends {:.0f} packets/s to {} on {} and gets nothing back", moment.entity.subject,
                                  sent_s, finding.peer, moment.service_text());
    out.push_back(std::move(finding));
  } else if (attempts_s >= limits.flood_attempts_s && seen.failures * 10 >= seen.attempts * 8) {
    auto finding = flood("flood_participant", "failed connections to one peer", limits.flood_attempts_s, attempts_s,
                         "connections/s");
    finding.peer = moment.peer_text();
    finding.summary = fmt::format("{} opens {:.0f} connections/s to {} on {}, nearly all in vain",
                                  moment.entity.subject, attempts_s, finding.peer, moment.service_text());
    out.push_back(std::move(finding));
  }
}

/// More than ten times the busiest window that the service ever had, from one peer.
void service_overload(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  const auto* service = moment.known.service;
  constexpr std::uint32_t kWindowsToKnow = 5;
  if (service == nullptr || service->packets.count() < kWindowsToKnow || service->learned == 0) return;
  if (seen.outbound() && moment.known.learned) return;  // its own busy hour; exfiltration looks at that
  const double packets = static_cast<double>(seen.packets_in + seen.packets_out);
  const double limit = std::max(static_cast<double>(service->max_packets) * limits.service_flood_factor,
                                limits.service_flood_packets_s * moment.window_s);
  if (packets < limit || seen.reach == profile::Reach::near) return;
  // Bulk in few large packets is a transfer; a flood is many small ones.
  const double mean_size = static_cast<double>(seen.bytes_in + seen.bytes_out) / packets;
  constexpr double kBulk = 500;
  if (mean_size > kBulk) return;
  auto finding = flood("service_flood", "packets of one peer at " + moment.service_text(), limit / moment.window_s,
                       packets / moment.window_s, "packets/s");
  finding.peer = moment.peer_text();
  if (!seen.outbound() && seen.address) finding.source = seen.address->to_string();
  finding.summary = fmt::format("{} and {} exchange {:.0f} packets/s on {}; the busiest window before had {:.0f}",
                                moment.entity.subject, finding.peer, packets / moment.window_s, moment.service_text(),
                                static_cast<double>(service->max_packets) / moment.window_s);
  out.push_back(std::move(finding));
}

void connection_volume(const Moment& moment, Findings& out) {
  const auto& limits = moment.limits;
  const auto& usual = moment.entity.profile->attempts();
  constexpr std::uint32_t kWindowsToKnow = 100;
  if (usual.count() < kWindowsToKnow || moment.entity.profile->maturity() == profile::Maturity::learning) return;
  if (!moment.seen.outbound() || moment.seen.peer.kind == profile::PeerKind::role) return;
  const double limit =
      std::max(usual.quantile(0.99) * limits.attempts_factor, limits.attempts_floor_s * moment.window_s);
  const auto attempts = static_cast<double>(moment.seen.attempts);
  if (attempts < limit) return;
  auto finding = flood("connection_volume", "new connections to one peer", limit / moment.window_s,
                       attempts / moment.window_s, "connections/s");
  finding.severity = Severity::medium;
  finding.peer = moment.peer_text();
  finding.summary = fmt::format("{} opens {:.0f} connections/s to {} on {}; usual are at most {:.1f}",
                                moment.entity.subject, attempts / moment.window_s, finding.peer, moment.service_text(),
                                usual.quantile(0.99) / moment.window_s);
  out.push_back(std::move(finding));
}

}  // namespace

void detect_flood(const Moment& moment, Findings& out) {
  if (moment.seen.outbound() && moment.seen.reach != profile::Reach::near) participant(moment, out);
  service_overload(moment, out);
  connection_volume(moment, out);
}

void detect_window(Entity& entity, double window_s, const Thresholds& limits, Findings& out) {
  const double packets_s = static_cast<double>(entity.window_in_packets) / window_s;
  const double attempts_s = static_cast<double>(entity.window_in_attempts) / window_s;
  const double answers = static_cast<double>(entity.window_out_packets);
  const bool mute = answers < 0.2 * static_cast<double>(entity.window_in_packets);
  if (packets_s >= limits.flood_victim_packets_s && mute) {
    auto finding = flood("flood_victim", "packets of strangers", limits.flood_victim_packets_s, packets_s, "packets/s");
    finding.summary =
        fmt::format("{} gets {:.0f} packets/s of strangers and answers hardly any", entity.subject, packets_s);
    out.push_back(std::move(finding));
  } else if (attempts_s >= limits.flood_victim_attempts_s) {
    auto finding =
        flood("flood_victim", "connections of strangers", limits.flood_victim_attempts_s, attempts_s, "connections/s");
    finding.summary = fmt::format("{} gets {:.0f} connections/s of strangers", entity.subject, attempts_s);
    out.push_back(std::move(finding));
  }
  entity.window_in_packets = entity.window_out_packets = entity.window_in_attempts = 0;
}

}  // namespace iris::detect
