// SPDX-License-Identifier: Apache-2.0
// Peers that are always there: pollers and what they poll. Such a one that falls
// silent, or answers the same questions more slowly, is a loss of availability.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "detect/entity.h"

namespace iris::detect {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kWeek = 7 * 86400 * kSecond;

double seconds(std::uint64_t span_ns) { return static_cast<double>(span_ns) / kSecond; }

/// Only who has a place of its own can be missed: clouds move, and time servers take turns.
bool is_measured(const Moment& moment) {
  const auto& seen = moment.seen;
  if (!moment.known.learned || moment.known.contact == nullptr || seen.discovery || seen.folded) return false;
  if (seen.reach == profile::Reach::external || !seen.address) return false;
  // Who no longer asks for names or the time has them.
  constexpr auto kAskedAtWill = std::to_array<std::uint16_t>({53, 123, 853});
  if (std::find(kAskedAtWill.begin(), kAskedAtWill.end(), seen.port) != kAskedAtWill.end()) return false;
  return seen.peer.kind != profile::PeerKind::group && seen.peer.kind != profile::PeerKind::role;
}

/// An answer, where answers are usual; else any traffic.
bool is_beat(const Moment& moment) {
  const auto* contact = moment.known.contact;
  return contact->answered * 2 <= contact->visits || moment.seen.answered > 0;
}

double mean_pause_s(const Rhythm& rhythm) {
  return rhythm.windows < 2 ? 0 : seconds(rhythm.last_ns - rhythm.first_ns) / (rhythm.windows - 1);
}

bool is_steady(const Rhythm& rhythm, const Thresholds& limits) {
  return rhythm.windows >= limits.steady_windows && rhythm.last_ns - rhythm.first_ns >= limits.steady_s * kSecond &&
         seconds(rhythm.second_pause_ns) <= limits.steady_pause * mean_pause_s(rhythm) + 20;
}

void add_pause(Rhythm& rhythm, std::uint64_t now_ns, std::uint64_t pause_ns) {
  if (rhythm.faded_ns == 0) rhythm.faded_ns = now_ns;
  for (; now_ns >= rhythm.faded_ns + kWeek; rhythm.faded_ns += kWeek) {
    rhythm.pause_ns /= 2;
    rhythm.second_pause_ns /= 2;
  }
  rhythm.second_pause_ns = std::max(rhythm.second_pause_ns, std::min(pause_ns, rhythm.pause_ns));
  rhythm.pause_ns = std::max(rhythm.pause_ns, pause_ns);
}

Rhythm* rhythm_of(Entity& entity, std::uint64_t contact, std::uint64_t now_ns, std::uint32_t most) {
  auto& all = entity.rhythms;
  const auto known = std::find_if(all.begin(), all.end(), [&](const Rhythm& r) { return r.contact == contact; });
  if (known != all.end()) return &*known;
  Rhythm made;
  made.contact = contact;
  made.first_ns = now_ns;
  if (all.size() < most) return &all.emplace_back(made);
  // Who has been away for a day makes room; what is steady keeps its place.
  const auto oldest = std::min_element(all.begin(), all.end(), [](const Rhythm& a, const Rhythm& b) {
    return std::make_pair(a.last_ns, a.contact) < std::make_pair(b.last_ns, b.contact);
  });
  if (oldest == all.end() || now_ns < oldest->last_ns + 86400 * kSecond) return nullptr;
  return &(*oldest = made);
}

struct Slower {
  double usual = 0;  // bytes a second
  double now = 0;
};

/// Means that forget within some hundred windows. What stands out moves them little, so
/// that it stands out the next time, too.
void learn_pace(Rhythm& rhythm, double rate, double asked) {
  constexpr double kSlowest = 0.01;
  const double weight = std::max(1.0 / ++rhythm.paced, kSlowest);
  if (rhythm.paced == 1) {
    rhythm.pace = static_cast<float>(rate);
    rhythm.spread = static_cast<float>(0.05 * rate);
    rhythm.asked = static_cast<float>(asked);
    return;
  }
  const double off = rate - rhythm.pace;
  const double cut = std::max(3.0 * rhythm.spread, 0.01 * rhythm.pace);
  rhythm.pace += static_cast<float>(weight * std::clamp(off, -cut, cut));
  rhythm.spread += static_cast<float>(weight * (std::min(std::abs(off), 5.0 / 3 * cut) - rhythm.spread));
  rhythm.asked += static_cast<float>(weight * (asked - rhythm.asked));
}

/// The window under way is over, and the next follows at once when `followed`: the
/// first and the last window of a conversation are not full.
std::optional<Slower> settle(Rhythm& rhythm, bool followed, const Thresholds& limits) {
  const bool full = rhythm.joined && followed && rhythm.last_ns > rhythm.start_ns && rhythm.asked_packets > 0;
  if (!full) {
    rhythm.slow = 0;
    return std::nullopt;
  }
  const double rate = static_cast<double>(rhythm.bytes) / seconds(rhythm.last_ns - rhythm.start_ns);
  const double asked = static_cast<double>(rhythm.asked_bytes) / static_cast<double>(rhythm.asked_packets);
  const double usual = rhythm.pace;
  const bool same_question = std::abs(asked - rhythm.asked) <= limits.pace_same_question * rhythm.asked;
  if (rhythm.paced >= limits.pace_windows && rhythm.spread <= limits.pace_spread * usual && same_question &&
      rate < usual - std::max(limits.pace_deviations * rhythm.spread, limits.pace_drop * usual)) {
    if (++rhythm.slow >= limits.pace_new_windows) rhythm.paced = rhythm.slow = 0;
    return rhythm.slow >= limits.pace_slow_windows ? std::optional(Slower{usual, rate}) : std::nullopt;
  }
  rhythm.slow = 0;
  learn_pace(rhythm, rate, asked);
  return std::nullopt;
}

}  // namespace

void detect_slower_pace(const Moment& moment, Findings& out) {
  if (!is_measured(moment) || !is_beat(moment)) return;
  const auto& seen = moment.seen;
  const auto& limits = moment.limits;
  Rhythm* rhythm = rhythm_of(moment.entity, moment.known.contact->key, seen.start_ns, limits.rhythms);
  if (rhythm == nullptr) return;
  std::optional<Slower> slower;
  if (rhythm->last_ns != seen.end_ns || rhythm->windows == 0) {
    const std::uint64_t pause =
        rhythm->last_ns != 0 && seen.start_ns > rhythm->last_ns ? seen.start_ns - rhythm->last_ns : 0;
    const bool follows = rhythm->last_ns != 0 && pause < kSecond;
    slower = settle(*rhythm, follows, limits);
    if (pause >= kSecond) add_pause(*rhythm, seen.end_ns, pause);
    // One long absence is none of its mean pause.
    constexpr std::uint32_t kFew = 20;
    if (rhythm->windows >= kFew && seconds(pause) > 10 * mean_pause_s(*rhythm)) rhythm->first_ns += pause;
    rhythm->joined = follows;
    rhythm->start_ns = seen.start_ns;
    rhythm->bytes = rhythm->asked_bytes = rhythm->asked_packets = 0;
    rhythm->last_ns = std::max(rhythm->last_ns, seen.end_ns);
    rhythm->silent = false;
    ++rhythm->windows;
  }
  rhythm->peer = *seen.address;
  rhythm->site = seen.reach == profile::Reach::site;
  rhythm->bytes += seen.bytes_out + seen.bytes_in;
  rhythm->asked_bytes += seen.outbound() ? seen.bytes_out : seen.bytes_in;
  rhythm->asked_packets += seen.outbound() ? seen.packets_out : seen.packets_in;
  if (!slower) return;
  Finding finding;
  finding.rule = "steady_peer_slower";
  finding.alert_class = AlertClass::crash;
  finding.peer = moment.peer_text();
  if (!seen.outbound()) finding.source = seen.address->to_string();
  finding.expected = Expected{"bytes a second with " + finding.peer + " on " + moment.service_text(),
                              slower->usual * (1 - limits.pace_drop), slower->usual, "bytes/s"};
  finding.observed = slower->now;
  finding.summary = fmt::format(
      "{} and {} exchange {:.0f} bytes/s on {}, and have long exchanged {:.0f} without a change: the questions are the "
      "same, the answers come more slowly (overload, a fault on the way, or somebody in between)",
      moment.entity.subject, finding.peer, slower->now, moment.service_text(), slower->usual);
  out.push_back(std::move(finding));
}

void detect_silence(Entity& entity, std::uint64_t now_ns, bool site_heard, const Thresholds& limits, Findings& out) {
  for (auto& rhythm : entity.rhythms) {
    if (rhythm.silent || rhythm.last_ns == 0 || now_ns <= rhythm.last_ns || !is_steady(rhythm, limits)) continue;
    const double silent_s = seconds(now_ns - rhythm.last_ns);
    const double pause_s = std::max(seconds(rhythm.second_pause_ns), mean_pause_s(rhythm));
    if (silent_s < std::max({static_cast<double>(limits.steady_silence_s), limits.steady_silence_pauses * pause_s,
                             1.5 * seconds(rhythm.pause_ns)}))
      continue;
    rhythm.silent = true;
    const auto* contact = entity.profile->contacts().find(rhythm.contact);
    if (contact == nullptr || contact->standing != profile::Standing::learned) continue;
    const bool out_bound = contact->role == flow::Role::originator;
    const auto protocol = flow::protocol_name(contact->protocol);
    Finding finding;
    finding.rule = "steady_peer_silent";
    finding.alert_class = AlertClass::crash;
    finding.peer = rhythm.peer.to_string();
    if (contact->kind == profile::PeerKind::module || contact->kind == profile::PeerKind::device)
      finding.peer += " (" + contact->label + ")";
    if (!out_bound) finding.source = rhythm.peer.to_string();
    finding.expected = Expected{"pause of " + finding.peer, 0, std::max(pause_s, 10.0), "s"};
    finding.observed = silent_s;
    finding.summary = fmt::format("{} {} {} on {} every {:.0f} s, and now nothing for {:.0f} s", entity.subject,
                                  out_bound ? "had answers of" : "was called by", finding.peer,
                                  contact->port != 0 ? fmt::format("{}/{}", protocol, contact->port) : protocol,
                                  std::max(mean_pause_s(rhythm), 1.0), silent_s);
    if (rhythm.site && !site_heard) {
      finding.severity = Severity::low;
      finding.summary += "; nobody else at the site is heard either";
    }
    out.push_back(std::move(finding));
  }
}

bool hears_site(const Entity& entity, std::uint64_t now_ns, const Thresholds& limits) {
  return std::any_of(entity.rhythms.begin(), entity.rhythms.end(), [&](const Rhythm& rhythm) {
    return rhythm.site && is_steady(rhythm, limits) && now_ns < rhythm.last_ns + limits.steady_silence_s * kSecond;
  });
}

void excuse_silence(Entity& entity, std::uint64_t time_ns) {
  for (auto& rhythm : entity.rhythms) {
    if (rhythm.windows == 0 || time_ns <= rhythm.last_ns) continue;
    rhythm.first_ns += time_ns - rhythm.last_ns;  // no part of its mean pause
    rhythm.last_ns = time_ns;
    rhythm.joined = false;  // the window under way may have lost some
    rhythm.bytes = rhythm.asked_bytes = rhythm.asked_packets = 0;
    rhythm.slow = 0;
  }
}

}  // namespace iris::detect
