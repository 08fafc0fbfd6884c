// SPDX-License-Identifier: Apache-2.0
// Data that leaves: to a stranger, or far more than ever to somebody known, or from
// a workload that used to receive.
#include <fmt/format.h>

#include <algorithm>

#include "detect/entity.h"

namespace iris::detect {
namespace {

Finding leak(const Moment& moment, std::string_view rule, std::string metric, double low, double high, double observed,
             std::string unit) {
  Finding finding;
  finding.rule = rule;
  finding.alert_class = AlertClass::data_exfiltration;
  finding.peer = moment.peer_text();
  finding.expected = Expected{std::move(metric), low, high, std::move(unit)};
  finding.observed = observed;
  finding.contact = profile::contact_key(moment.seen.peer, profile::service_key(moment.seen));
  return finding;
}

void to_stranger(const Moment& moment, const Suspect& suspect, Findings& out) {
  const auto& limits = moment.limits;
  const auto sent = static_cast<double>(suspect.hour_out);
  const auto total = static_cast<double>(suspect.bytes_out);
  const auto maturity = moment.entity.profile->maturity();
  if (suspect.answered == 0) return;  // nobody there: a flood, not a transfer
  if (maturity == profile::Maturity::learning || maturity == profile::Maturity::not_learnable) return;
  // What it always sends to others of the kind is no leak when an address changes.
  const auto* service = moment.known.service;
  const double usual = service != nullptr && service->hourly_out.count() > 0 ? 3 * service->hourly_out.quantile(1) : 0;
  if (sent >= std::max(limits.exfiltration_bytes, usual) &&
      sent >= limits.exfiltration_ratio * static_cast<double>(suspect.hour_in)) {
    auto finding = leak(moment, "exfiltration", "sent to a peer that is not known, an hour", 0,
                        limits.exfiltration_bytes, sent, "bytes");
    finding.severity = Severity::high;
    finding.summary = fmt::format("{} sent {:.1f} MB within an hour to {}, which is not one of its peers",
                                  moment.entity.subject, sent / 1e6, finding.peer);
    out.push_back(std::move(finding));
  } else if (suspect.accused >= Severity::medium && total >= limits.exfiltration_bytes &&
             total >= limits.exfiltration_ratio * static_cast<double>(suspect.bytes_in)) {
    auto finding = leak(moment, "slow_exfiltration", "sent to a suspicious peer in all", 0, limits.exfiltration_bytes,
                        total, "bytes");
    finding.severity = Severity::high;
    finding.summary = fmt::format("{} sent {:.1f} MB bit by bit to {}, which was suspicious before",
                                  moment.entity.subject, total / 1e6, finding.peer);
    out.push_back(std::move(finding));
  }
}

void to_known(const Moment& moment, const HourSum& hour, Findings& out) {
  const auto& limits = moment.limits;
  const auto* service = moment.known.service;
  if (service == nullptr || service->hourly_out.count() < limits.known_volume_hours) return;
  const auto sent = static_cast<double>(hour.out);
  const auto received = static_cast<double>(hour.in);
  const double usual = std::max({service->hourly_out.quantile(1), static_cast<double>(service->rate_out.fast),
                                 static_cast<double>(service->rate_out.slow)});
  if (sent >= limits.known_volume_bytes && sent >= usual * limits.known_volume_factor) {
    auto finding =
        leak(moment, "exfiltration", "sent over " + moment.service_text() + " an hour", 0, usual, sent, "bytes");
    finding.summary = fmt::format("{} sent {:.1f} MB over {} within an hour; the most before were {:.1f} MB",
                                  moment.entity.subject, sent / 1e6, moment.service_text(), usual / 1e6);
    out.push_back(std::move(finding));
    return;
  }
  const double balance = (sent - received) / std::max(sent + received, 1.0);
  const double normal = std::max(service->balance.fast, service->balance.slow);
  if (service->balance.count < limits.known_volume_hours || sent < std::max(limits.balance_bytes, usual * 3) ||
      balance - normal < limits.balance_shift)
    return;
  auto finding = leak(moment, "producer_consumer_ratio", "producer-consumer ratio of " + moment.service_text(), -1,
                      normal, balance, "of -1 (receives) to 1 (sends)");
  finding.summary =
      fmt::format("{} used to receive over {} (ratio {:.2f}) and now sends {:.1f} MB an hour (ratio {:.2f})",
                  moment.entity.subject, moment.service_text(), normal, sent / 1e6, balance);
  out.push_back(std::move(finding));
}

}  // namespace

void detect_volume(const Moment& moment, const Suspect* suspect, const HourSum& hour, Findings& out) {
  if (moment.seen.folded || moment.seen.reach != profile::Reach::external || moment.seen.bytes_out == 0) return;
  if (moment.known.learned)
    to_known(moment, hour, out);
  else if (suspect != nullptr && moment.seen.outbound())
    to_stranger(moment, *suspect, out);
}

}  // namespace iris::detect
