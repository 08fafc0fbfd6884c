// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/observation.h"
#include "profile/tables.h"

/// What is normal for one workload: a module (one profile for its image, over the
/// fleet), a service, a host, or a device. Pure: time comes with the records.
namespace iris::profile {

/// learning: too little is known to call anything unusual. useful: a new peer would
/// be news. full: a week or more of it. not_learnable: what it does next cannot be
/// told from what it did (a general-purpose host).
enum class Maturity : std::uint8_t { learning, useful, full, not_learnable };

/// What a moment teaches. nothing: a gap, a guess. suspicious: the opposite.
enum class Lesson : std::uint8_t { normal, nothing, suspicious };

/// How well an observation fits what is known.
struct Familiarity {
  const Contact* contact = nullptr;  // valid until the profile changes
  const Service* service = nullptr;
  bool learned = false;  // this peer at this service is normal
  bool quarantined = false;
  bool service_known = false;     // some peer at this service is normal
  bool peer_known = false;        // this peer is normal at another service
  bool class_known = false;       // this role, reach and transport is normal
  double confidence = 0;          // 0..1: how much an unknown service says
  double service_confidence = 0;  // 0..1: how much an unknown peer at this service says
};

struct ProcessSeen {
  std::uint64_t hash = 0;
  std::string name;  // executable, else command name; bounded
  std::uint32_t visits = 0;
  std::uint64_t first_ns = 0;
};

struct ExitCounts {
  std::array<std::uint32_t, 5> by_class{};  // flow::ExitClass
  std::uint64_t last_ns = 0;
  Interval between;  // ends of the main process
};

class Profile {
 public:
  static constexpr std::size_t kMaxProcesses = 48;
  static constexpr std::size_t kMaxBytes = 64 * 1024;

  Familiarity assess(const Observation& seen) const;
  void learn(const Observation& seen, Lesson lesson);
  /// What one workload moved over a service in one hour of use.
  void learn_hour(std::uint64_t service_key, std::uint64_t bytes_out, std::uint64_t bytes_in);
  /// True when the process is new to a workload whose processes are known.
  bool unusual_process(std::string_view name) const;
  void learn_process(std::string_view name, std::uint64_t time_ns, Lesson lesson);
  void learn_exit(flow::ExitClass exit_class, bool main_process, std::uint64_t time_ns);

  /// A new version: what was normal stays so, and for a while what is new becomes
  /// so as in the beginning.
  void relearn(std::uint64_t time_ns);
  /// An analyst's word on one peer: normal from now on, or never.
  void verdict(std::uint64_t contact_key, bool benign);

  Maturity maturity() const;
  /// Good-Turing: the probability that the next contact is one never seen before.
  double novelty() const;
  /// Upper bound of novelty(), about 95 %; 1 when nothing was seen.
  double novelty_bound() const;
  /// The same by the hour: who meets new peers in bursts has few that are seen in one
  /// window only, but many that are seen in one hour only.
  double hourly_novelty() const;
  double confidence() const;

  const ContactTable& contacts() const { return contacts_; }
  const ServiceTable& services() const { return services_; }
  const std::vector<ProcessSeen>& processes() const { return processes_; }
  const ExitCounts& exits() const { return exits_; }
  const Quantiles& attempts() const { return attempts_; }
  /// Share of visits to external peers that came with a DNS name, 0..1; -1 when too few are known.
  double named_share() const;
  /// Hours of the week (UTC, Monday 0 h first) with traffic, counted up to 255.
  const std::array<std::uint8_t, 168>& hours() const { return hours_; }
  /// True when two weeks or more are known, the workload keeps its hours, and this one or
  /// those beside it (clocks change in summer) are none of them.
  bool unusual_hour(std::uint64_t time_ns) const;
  std::uint64_t first_ns() const { return first_ns_; }
  std::uint64_t last_ns() const { return last_ns_; }
  std::uint64_t visits() const { return visits_; }
  std::size_t memory_bytes() const;

  /// Versioned, little-endian (profile_state.cpp).
  std::string save() const;
  static base::Result<Profile> load(std::string_view bytes);

 private:
  friend struct StateAccess;
  double bound_with_neighbours() const;
  void touch_time(std::uint64_t time_ns);
  void count_visit(const Observation& seen, Service& service, Contact& contact, bool fresh);
  void count_hour(std::uint32_t hours);
  void update_service(const Observation& seen, const Contact& contact, Service& service);
  bool may_teach(const Observation& seen, const Contact& contact);
  void promote(Contact& contact);

  ContactTable contacts_;
  ServiceTable services_;
  std::vector<ProcessSeen> processes_;
  ExitCounts exits_;
  Quantiles attempts_;  // a window and contact
  std::array<std::uint8_t, 168> hours_{};
  std::uint32_t last_hour_ = 0;  // since the epoch
  std::uint64_t first_ns_ = 0;   // of this learning
  std::uint64_t last_ns_ = 0;
  std::uint64_t visits_ = 0;          // contacts x windows, discovery left out
  std::uint64_t singles_ = 0;         // contacts seen in one window only
  std::uint64_t hour_visits_ = 0;     // contacts x hours
  std::uint64_t hour_singles_ = 0;    // contacts seen in one hour only
  std::uint64_t external_ = 0;        // visits to the Internet ..
  std::uint64_t external_named_ = 0;  // .. that had a name
  std::uint32_t admitted_day_ = 0;    // day since the epoch, and how many contacts
  std::uint32_t admitted_ = 0;        // were let in on it after learning
};

const char* to_string(Maturity maturity);

}  // namespace iris::profile
