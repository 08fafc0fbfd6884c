// SPDX-License-Identifier: Apache-2.0
// A contact that is not normal for the workload. No single sign condemns it: each
// adds to a score, weighted by how much is known of the workload, and the sum decides.
#include <fmt/format.h>

#include <algorithm>

#include "detect/entity.h"
#include "detect/ports.h"

namespace iris::detect {
namespace {

using profile::Maturity;
using profile::PeerKind;
using profile::Reach;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kIcmp = 1;

/// What speaks against a contact, in numbers and words.
struct Case {
  double score = 0;
  std::string words;
  std::string_view rule;
  AlertClass alert_class = AlertClass::command_and_control;

  void add(double weight, std::string_view why) {
    if (weight <= 0.05) return;
    score += weight;
    words += words.empty() ? "" : ", ";
    words += why;
  }
};

double known_share(const Moment& moment) {
  const auto maturity = moment.entity.profile->maturity();
  return maturity == Maturity::not_learnable ? 0 : moment.known.confidence;
}

double known_share_of_service(const Moment& moment) {
  const auto maturity = moment.entity.profile->maturity();
  return maturity == Maturity::not_learnable ? 0 : moment.known.service_confidence;
}

/// Attempts in vain, where others get through.
void add_failures(const Moment& moment, const Suspect& suspect, Case& made) {
  const auto& limits = moment.limits;
  if (moment.seen.protocol != kTcp || suspect.failures == 0) return;
  if (suspect.failures < limits.failures_few) {
    if (suspect.answered == 0) made.add(0.5, "it does not answer");
    return;
  }
  const std::uint64_t age_ns = suspect.last_ns - suspect.first_ns;
  const std::uint64_t answer_ns = moment.entity.answered_ns[static_cast<std::size_t>(moment.seen.reach)];
  const bool network_works = answer_ns != 0 && moment.now_ns - answer_ns < 3600 * kSecond;
  const bool never_answered = suspect.answered == 0;
  const bool burst = suspect.failures >= limits.failures_burst && age_ns <= limits.failures_burst_s * kSecond;
  // A neighbour that is switched off is retried by its apps; that is no intruder's doing.
  const bool app_retry =
      moment.seen.reach != Reach::external && is_usual_port(moment.seen.port) && !is_admin_port(moment.seen.port);
  // A service of the host itself that is down; ports of loopback that are searched are a vertical scan.
  const bool itself = moment.seen.address && moment.seen.address->is_loopback();
  if (never_answered && network_works && !app_retry && !itself && (burst || suspect.failures >= limits.failures_persistent)) {
    // An old name that nobody serves any more is tried for years.
    made.add(moment.seen.named ? 2 : 3,
             fmt::format("{} attempts, none answered, while other peers answer", suspect.attempts));
    if (made.rule.empty() || made.score < 5) made.rule = "failing_new_peer";
  } else if (never_answered || suspect.failures * 2 >= suspect.attempts) {
    made.add(1, fmt::format("{} of {} attempts failed", suspect.failures, suspect.attempts));
  }
}

void add_beat(const Moment& moment, const Suspect& suspect, Case& made) {
  const auto& limits = moment.limits;
  const auto& gaps = suspect.interval;
  if (gaps.count < limits.beacon_beats || gaps.mean_s < limits.beacon_shortest_s) return;
  if (gaps.variation() > limits.beacon_variation) return;
  const auto beats = static_cast<double>(suspect.windows);
  if (static_cast<double>(suspect.bytes_out + suspect.bytes_in) > beats * limits.beacon_bytes) return;
  made.add(1.5, fmt::format("returns every {:.0f} s like a clock", gaps.mean_s));
  made.rule = "beacon";
}

/// Who gets no answer from anybody is cut off; whom it asks then says nothing.
bool cut_off(const Moment& moment, const Suspect& suspect) {
  const auto& answered = moment.entity.answered_ns;
  return suspect.answered == 0 && std::none_of(answered.begin(), answered.end(), [&](std::uint64_t time) {
           return time != 0 && moment.now_ns - time < 3600 * kSecond;
         });
}

void judge_external_outbound(const Moment& moment, const Suspect& suspect, Case& made) {
  if (cut_off(moment, suspect)) return;
  const auto& known = moment.known;
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  made.rule = "anomalous_outbound";
  const double sure = known_share(moment);
  // Datagrams to strangers are how cameras and phones find each other through NAT.
  const double scale = seen.protocol == kIcmp ? 0.3 : seen.protocol == kTcp ? 1 : 0.7;
  const bool odd_port = seen.port != 0 && !is_usual_port(seen.port);
  if (!known.service_known && !known.class_known && !known.peer_known)
    made.add(2.6 * sure * scale, fmt::format("it never opened any {} conversation to the Internet before",
                                             seen.protocol == kTcp ? "TCP" : "such"));
  else if (!known.service_known && !known.peer_known)
    made.add(2.0 * sure * scale, fmt::format("it never used {} towards the Internet before", moment.service_text()));
  else if (!known.service_known)
    made.add(1.0 * sure * scale, fmt::format("the peer is known, {} with it is new", moment.service_text()));
  else
    made.add((known.peer_known ? 0.5 : 1.5) * known_share_of_service(moment),
             fmt::format("its peers at {} are known, this is none of them", moment.service_text()));
  if (seen.named) made.score = std::max(0.0, made.score - 1.0);
  const double names = moment.entity.profile->named_share();
  if (!seen.named && names >= 0.5)
    made.add(1.0 * std::max(sure, 0.5), "no DNS name led to it, though it usually asks for names");
  if (odd_port && !known.service_known) {
    made.add(1.0, "the port is unusual");
    if (made.score >= limits.medium_score) made.rule = "odd_port_outbound";
  }
  add_failures(moment, suspect, made);
  add_beat(moment, suspect, made);
  const auto in = static_cast<double>(suspect.bytes_in);
  if (!seen.named && seen.protocol == kTcp && in >= limits.payload_bytes &&
      in >= limits.payload_ratio * static_cast<double>(suspect.bytes_out))
    made.add(1.0, fmt::format("{:.0f} kB were fetched from it", in / 1000));
}

void judge_external_inbound(const Moment& moment, Case& made) {
  const auto& known = moment.known;
  const auto& seen = moment.seen;
  made.rule = "inbound_external";
  made.alert_class = AlertClass::initial_infection;
  if (seen.answered == 0 || seen.protocol == kIcmp || seen.pre_existing)
    return;  // refused tries are the scan detector's
  if (!known.service_known)
    made.add((known.class_known ? 2.0 : 3.0) * known_share(moment),
             "nothing from the Internet ever got an answer there before");
  else
    made.add(1.0 * known_share_of_service(moment), "its callers are known, this is none of them");
  if (is_controller_port(seen.port)) made.add(2.0, "the port takes orders for a controller");
  if (is_admin_port(seen.port)) made.add(1.0, "the port gives control over it");
}

void judge_near_or_site(const Moment& moment, const Suspect& suspect, Case& made) {
  const auto& known = moment.known;
  const auto& seen = moment.seen;
  const bool out = seen.outbound();
  made.alert_class = AlertClass::lateral_movement;
  made.rule = seen.reach == Reach::near ? (out ? "new_site_peer" : "inbound_container")
                                        : (out ? "new_site_peer" : "inbound_site");
  if (seen.protocol == kIcmp || seen.discovery || seen.peer.kind == PeerKind::group || seen.peer.kind == PeerKind::role)
    return;
  if (seen.pre_existing && !out) return;
  const bool controller = is_controller_port(seen.port);
  const bool admin = is_admin_port(seen.port);
  double weight = controller || admin ? 3.0 : seen.reach == Reach::near ? 2.5 : 1.5;
  if (known.peer_known) weight *= 0.6;
  if (!out && seen.answered == 0) weight *= 0.7;
  const double sure = known.service_known ? known_share_of_service(moment) : known_share(moment);
  if (known.service_known) {
    made.add(weight * (controller || admin ? 1.0 : 0.6) * sure,
             fmt::format("{} at {} are known, this is none of them", out ? "its peers" : "those who call it",
                         moment.service_text()));
    if (controller && !out) {
      made.rule = "new_controller_master";
      // Controllers take orders of one master by design, so that little time is needed to be sure.
      constexpr std::uint32_t kVisitsOfMaster = 20;
      constexpr std::uint32_t kMasters = 2;
      if (known.service->learned <= kMasters && known.service->visits >= kVisitsOfMaster && seen.answered > 0)
        made.add(1.5, "the controller has had but one master");
    }
  } else {
    made.add(weight * sure,
             fmt::format("it never {} {} there before", out ? "used" : "was called on", moment.service_text()));
  }
  if (seen.answered > 0 && is_shell_port(seen.port) && !known.service_known) {
    made.add(3.0, "the port is one that remote shells use");
    // Who listens has been broken into; who calls home is being commanded.
    made.alert_class = out ? AlertClass::command_and_control : AlertClass::initial_infection;
    if (out) made.rule = "odd_port_outbound";
  }
  // For the source it is a step sideways; for whom it reaches, how it begins.
  if (!out && admin && seen.answered > 0) made.alert_class = AlertClass::initial_infection;
  if (out && !known.class_known && !known.service_known)
    made.add(1.0 * sure, "it never opened a conversation to its neighbours before");
  if (!out) return;
  add_failures(moment, suspect, made);
  if (seen.protocol == kTcp && suspect.bytes_out >= 1'000'000 && suspect.bytes_out > 3 * suspect.bytes_in)
    made.add(1.0 * std::max(sure, 0.5),
             fmt::format("{:.1f} MB were sent to it", static_cast<double>(suspect.bytes_out) / 1e6));
}

void report(const Moment& moment, Suspect& suspect, const Case& made, Findings& out) {
  Finding finding;
  finding.rule = made.rule;
  finding.alert_class = made.alert_class;
  finding.severity = severity_of(made.score, moment.limits);
  finding.peer = moment.peer_text();
  if (!moment.seen.outbound() && moment.seen.address) finding.source = moment.seen.address->to_string();
  finding.expected =
      Expected{fmt::format("{} {} with peers that are not known",
                           moment.seen.outbound() ? "conversations opened on" : "conversations accepted on",
                           moment.service_text()),
               0, 0, "conversations"};
  finding.observed = static_cast<double>(std::max<std::uint64_t>(suspect.attempts, 1));
  finding.summary = moment.seen.outbound() ? fmt::format("{} talks to {} on {}: {}", moment.entity.subject,
                                                         finding.peer, moment.service_text(), made.words)
                                           : fmt::format("{} is called by {} on {}: {}", moment.entity.subject,
                                                         finding.peer, moment.service_text(), made.words);
  finding.contact = profile::contact_key(moment.seen.peer, profile::service_key(moment.seen));
  suspect.accused = std::max(suspect.accused, finding.severity);
  out.push_back(std::move(finding));
}

}  // namespace

void detect_brute_force(const Moment& moment, const Suspect& suspect, Findings& out) {
  const auto& seen = moment.seen;
  if (!is_login_port(seen.port) || seen.protocol != kTcp) return;
  // Who has long been at it is a script of the owner's, unless it is far too much.
  constexpr std::uint32_t kProbation = 6;
  const bool habit = moment.known.learned && moment.known.contact->visits >= kProbation;
  const auto limit = moment.limits.brute_force_minute * (habit ? 4 : 1);
  if (suspect.minute_attempts < limit) return;
  Finding finding;
  finding.rule = "brute_force";
  finding.alert_class = AlertClass::initial_infection;
  finding.severity = Severity::high;
  finding.peer = moment.peer_text();
  if (!seen.outbound() && seen.address) finding.source = seen.address->to_string();
  finding.expected = Expected{"connections to " + moment.service_text() + " in a minute", 0, static_cast<double>(limit),
                              "connections"};
  finding.observed = static_cast<double>(suspect.minute_attempts);
  finding.summary = fmt::format("{} connections between {} and {} on {} within a minute: passwords are being guessed",
                                suspect.minute_attempts, moment.entity.subject, finding.peer, moment.service_text());
  out.push_back(std::move(finding));
}

void detect_contact(const Moment& moment, Suspect& suspect, Findings& out) {
  const auto& seen = moment.seen;
  if (seen.folded || seen.peer.kind == PeerKind::unknown) return;
  Case made;
  if (seen.reach != Reach::external)
    judge_near_or_site(moment, suspect, made);
  else if (seen.outbound() && seen.peer.kind != PeerKind::role)
    judge_external_outbound(moment, suspect, made);
  else if (!seen.outbound())
    judge_external_inbound(moment, made);
  // Never a sign of its own: somebody works late.
  if (made.score > 0 && moment.entity.profile->unusual_hour(moment.now_ns))
    made.add(0.5, "and at an hour of the week in which it has never been active");
  // Once accused it stays so: what it does next is news again. The profile remembers
  // for longer than the suspect, but only a block of addresses.
  const bool accused =
      suspect.accused >= Severity::medium || (moment.known.quarantined && seen.peer.kind != PeerKind::network);
  if (made.score < moment.limits.medium_score && accused && !made.rule.empty()) {
    made.score = moment.limits.medium_score;
    made.words = "it was suspicious before, and nobody has called it harmless";
  }
  if (made.score >= moment.limits.medium_score) report(moment, suspect, made, out);
}

void detect_known_peer_lost(const Moment& moment, Findings& out) {
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  const auto* contact = moment.known.contact;
  if (contact == nullptr || contact->answered < limits.lost_peer_visits || !seen.outbound() || seen.protocol != kTcp)
    return;
  if (seen.reach != Reach::site && seen.reach != Reach::near) return;  // clouds come and go
  auto& trouble = note_suspect(moment);
  if (seen.answered > 0) {
    const std::uint64_t key = trouble.key;
    trouble = Suspect{};
    trouble.key = key;
    trouble.first_ns = trouble.last_ns = moment.now_ns;
    return;
  }
  const std::uint64_t age_s = (trouble.last_ns - trouble.first_ns) / kSecond;
  if (trouble.failures < limits.lost_peer_failures || age_s < limits.lost_peer_s) return;
  if (moment.entity.answered_ns[static_cast<std::size_t>(seen.reach)] + limits.lost_peer_s * kSecond < moment.now_ns)
    return;  // it is the workload that is cut off
  Finding finding;
  finding.rule = "expected_peer_lost";
  finding.alert_class = AlertClass::crash;
  finding.peer = moment.peer_text();
  finding.expected =
      Expected{"windows in which " + finding.peer + " answered", 1, static_cast<double>(contact->answered), "windows"};
  finding.observed = 0;
  finding.summary = fmt::format(
      "{} gets no answer from {} on {} any more: {} attempts in {} s, after answers in {} windows",
      moment.entity.subject, finding.peer, moment.service_text(), trouble.attempts, age_s, contact->answered);
  out.push_back(std::move(finding));
}

}  // namespace iris::detect
