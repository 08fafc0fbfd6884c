// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "detect/alert.h"
#include "detect/fan.h"
#include "detect/thresholds.h"
#include "profile/profile.h"

/// What the detectors share: the workload under judgement with its recent past, and
/// what they say of it.
namespace iris::detect {

/// A peer that is not normal for the workload (yet), and how it has behaved.
struct Suspect {
  std::uint64_t key = 0;  // of address and service
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
  std::uint64_t attempts = 0;
  std::uint64_t answered = 0;
  std::uint64_t failures = 0;
  std::uint32_t windows = 0;
  profile::Interval interval;  // between windows that opened a connection
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t hour_ns = 0;  // start of the hour being summed
  std::uint64_t hour_out = 0;
  std::uint64_t hour_in = 0;
  std::uint64_t minute_ns = 0;
  std::uint64_t minute_attempts = 0;
  Severity accused = Severity::information;  // the worst alert it had part in
};

/// What a workload moved over a service in the hour under way.
struct HourSum {
  std::uint64_t service = 0;
  std::uint32_t hour = 0;  // since the epoch
  std::uint64_t out = 0;
  std::uint64_t in = 0;
};

/// How steadily a peer that is normal answers: what its silence, or a slower pace, is measured by.
struct Rhythm {
  std::uint64_t contact = 0;  // key in the profile
  base::IpAddress peer;       // as last seen
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;  // end of the last window with an answer, or of time that nothing is known of
  std::uint64_t pause_ns = 0;         // the longest pause, and ..
  std::uint64_t second_pause_ns = 0;  // .. the second longest: one is an accident, two are a habit
  std::uint64_t faded_ns = 0;         // when the two were halved last
  std::uint32_t windows = 0;          // with an answer
  std::uint32_t slow = 0;             // windows in a row below the pace
  std::uint32_t paced = 0;            // windows between two others, and in them ..
  float pace = 0;                     // .. bytes a second, both ways, their mean and ..
  float spread = 0;                   // .. mean absolute deviation, what stands out cut, and ..
  float asked = 0;                    // .. bytes a packet of who asks
  std::uint64_t start_ns = 0;         // of the window under way, and what it holds
  std::uint64_t bytes = 0;
  std::uint64_t asked_bytes = 0;
  std::uint64_t asked_packets = 0;
  bool site = false;    // beyond the gateway's own host
  bool joined = false;  // the window under way follows the one before without a pause
  bool silent = false;  // that it fell silent has been said
};

/// One workload on one gateway. The profile may be shared with others.
struct Entity {
  std::string gateway;
  std::string subject;  // in words
  std::string device;   // Device.id; empty: a module, service or host
  flow::OwnerPtr owner;
  std::string profile_key;
  profile::Profile* profile = nullptr;  // owned by the judge
  std::string address;                  // its own, as last seen: alerts of one source meet by it
  std::optional<base::IpAddress> at;    // the same, to tell a change at little cost; not part of the state
  std::uint64_t last_ns = 0;

  std::vector<Suspect> suspects;
  std::vector<HourSum> hours;                  // as many as a profile has services
  std::uint64_t fans_ns = 0;                   // last used
  std::unique_ptr<struct Fans> fans;           // made when something is unfamiliar
  std::array<std::uint64_t, 3> answered_ns{};  // last answer, by profile::Reach
  std::uint64_t window_in_packets = 0;         // of strangers, in the window under way
  std::uint64_t window_out_packets = 0;
  std::uint64_t window_in_attempts = 0;  // towards the port most tried (majority vote)
  std::uint16_t window_in_port = 0;
  std::array<std::uint64_t, 16> ends_ns{};  // unplanned ends of the main process, a ring
  std::uint32_t ends = 0;
  std::array<std::uint64_t, 16> refused_ns{};  // unauthorized attempts of this device, a ring
  std::uint32_t refused = 0;
  std::vector<Rhythm> rhythms;  // of peers that are normal; bounded

  /// A container gets another address with each start, and its old one goes to the next.
  void is_at(const base::IpAddress& now) {
    if (at == now) return;
    at = now;
    address = now.to_string();
  }
  /// The longest unseen makes room. Valid until the next call.
  Suspect& suspect(std::uint64_t key, std::uint64_t now_ns, std::uint32_t most);
  Fans& use_fans(std::uint64_t now_ns);
  /// The sum that `seen` belongs to, with it added; a finished hour is taught.
  const HourSum& add_to_hour(const profile::Observation& seen, bool teach);
};

struct Fans {
  Fan ports_minute{60};  // outbound, by service: which peers
  Fan ports_hour{3600};
  Fan peers_minute{60};  // outbound, by peer: which ports
  Fan peers_hour{3600};
  Fan inbound_minute{60};  // by stranger: which ports
  Fan inbound_hour{3600};
  Fan strangers_hour{3600};  // outbound, to odd ports in the Internet
  Fan sources_hour{3600};    // strangers from outside, all together
  Fan probed_hour{3600};     // and the ports that they try
  Fan names_hour{3600};      // domains asked for that do not exist
};

/// What a detector found; the book makes an alert of it, or adds it to one.
struct Finding {
  AlertClass alert_class = AlertClass::command_and_control;
  std::string_view rule;  // a literal
  Severity severity = Severity::medium;
  std::string peer;    // address and name; empty: many
  std::string source;  // address of who did it, when that is the peer; empty: the workload itself
  std::string summary;
  std::optional<Expected> expected;
  std::optional<double> observed;
  std::uint64_t contact = 0;
};

using Findings = std::vector<Finding>;

/// One summary under judgement.
struct Moment {
  const flow::FlowRecord& record;
  const profile::Observation& seen;
  const profile::Familiarity& known;
  Entity& entity;
  const Thresholds& limits;
  std::uint64_t now_ns = 0;  // end of the window
  double window_s = 10;

  /// "198.51.100.7 (example.org)".
  std::string peer_text() const;
  /// "tcp/443", "icmp".
  std::string service_text() const;
};

Severity severity_of(double score, const Thresholds& limits);

// The detectors. Each looks at one thing and adds what it finds.
/// Returns the suspect that the moment belongs to: every contact that is not normal.
Suspect& note_suspect(const Moment& moment);
void detect_scan(const Moment& moment, Findings& out);
/// Many TCP packets without a byte of payload in either direction: half-open
/// connections, of known peers as well. The only sign of a scan where ports are not known.
void detect_half_open(const Moment& moment, Findings& out);
void detect_flood(const Moment& moment, Findings& out);
void detect_contact(const Moment& moment, Suspect& suspect, Findings& out);
/// Passwords guessed: also of a peer that is normal.
void detect_brute_force(const Moment& moment, const Suspect& suspect, Findings& out);
void detect_known_peer_lost(const Moment& moment, Findings& out);
void detect_volume(const Moment& moment, const Suspect* suspect, const HourSum& hour, Findings& out);
/// Names made up by an algorithm until one exists.
void detect_failed_name(const flow::DnsRecord& answer, Entity& entity, const Thresholds& limits, Findings& out);
/// A peer that is always there at the same pace has become slower, asked the same. Keeps the rhythms.
void detect_slower_pace(const Moment& moment, Findings& out);
/// A peer that was always there says nothing any more. `now_ns`: up to when all is known.
/// `site_heard`: some steady peer at the site is there; else it may be the gateway that is cut off.
void detect_silence(Entity& entity, std::uint64_t now_ns, bool site_heard, const Thresholds& limits, Findings& out);
/// Whether some steady peer at the site was there within the last minutes.
bool hears_site(const Entity& entity, std::uint64_t now_ns, const Thresholds& limits);
/// Nothing is known of the time before `time_ns`: no silence is measured across it.
void excuse_silence(Entity& entity, std::uint64_t time_ns);
/// Sums of the window just ended.
void detect_window(Entity& entity, double window_s, const Thresholds& limits, Findings& out);

}  // namespace iris::detect
