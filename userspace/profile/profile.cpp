// SPDX-License-Identifier: Apache-2.0
#include "profile/profile.h"

#include <algorithm>
#include <cmath>

namespace iris::profile {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint8_t kTcp = 6;

/// A contact that turns up after learning becomes normal when it was seen in this
/// many different hours, none of them suspicious ..
constexpr std::uint32_t kHoursToAdmit = 3;
/// .. and no more than this many a day: who wants to become normal by being
/// patient gets no further than this.
constexpr std::uint32_t kAdmittedADay = 8;
/// One-way datagrams (syslog, telemetry) are normal after this many windows.
constexpr std::uint32_t kOneWayVisits = 3;
/// A summary counts at most this many times the usual volume, so that one burst
/// does not lift the bar for the next.
constexpr double kVolumeCap = 4;
/// Beyond this, old visits count half: a new habit outweighs them in time.
constexpr std::uint64_t kVisitMemory = 40'000;

double bound_of(double singles, double visits) {
  return visits > 0 ? std::min(1.0, (singles + 2 * std::sqrt(singles + 1) + 1) / visits) : 1.0;
}

/// 0 where every tenth or more contact may be new by bound 1, 1 where at most one in a hundred is.
double confidence_of(double bound) { return std::clamp(std::log10(1 / bound) / 2, 0.0, 1.0); }

constexpr std::uint32_t kHoursOfWeek = 168;

std::uint32_t hour_of_week(std::uint32_t hour) {
  constexpr std::uint32_t kThursday = 3 * 24;  // the epoch's first day
  return (hour + kThursday) % kHoursOfWeek;
}

bool counts(const Observation& seen) { return !seen.discovery && seen.reach != Reach::near; }

}  // namespace

Familiarity Profile::assess(const Observation& seen) const {
  Familiarity result;
  const std::uint64_t service = service_key(seen);
  result.contact = contacts_.find(contact_key(seen.peer, service));
  result.service = services_.find(service);
  result.service_known = result.service != nullptr && result.service->learned > 0;
  if (result.contact != nullptr) {
    result.learned = result.contact->standing == Standing::learned;
    result.quarantined = result.contact->standing == Standing::quarantined;
  }
  if (result.learned) return result;
  result.peer_known = contacts_.knows_peer(seen.peer.hash);
  for (const auto& other : services_.all())
    result.class_known |= other.learned > 0 && other.role == seen.role && other.reach == seen.reach &&
                          (other.protocol == kTcp) == (seen.protocol == kTcp) &&
                          !(other.protocol != kTcp && (other.port == 123 || other.port == 53));
  result.confidence = confidence();
  if (result.service != nullptr)
    result.service_confidence = confidence_of(bound_of(result.service->singles, result.service->visits));
  return result;
}

double Profile::novelty() const {
  return visits_ > 0 ? std::min(1.0, static_cast<double>(singles_) / static_cast<double>(visits_)) : 1.0;
}

double Profile::hourly_novelty() const {
  constexpr std::uint64_t kFew = 100;
  return hour_visits_ >= kFew ? static_cast<double>(hour_singles_) / static_cast<double>(hour_visits_) : 0.0;
}

double Profile::novelty_bound() const { return bound_of(static_cast<double>(singles_), static_cast<double>(visits_)); }

/// The bound with visits to modules on the same host counted, too.
double Profile::bound_with_neighbours() const {
  std::uint64_t visits = visits_, singles = singles_;
  for (const auto& contact : contacts_.all()) {
    if (contact.reach != Reach::near || (contact.kind != PeerKind::module && contact.kind != PeerKind::host)) continue;
    singles += contact.visits == 1;
    if (contact.standing == Standing::learned) visits += contact.visits;
  }
  return bound_of(static_cast<double>(singles), static_cast<double>(visits));
}

double Profile::confidence() const {
  // What happens once a day shows in no shorter time, however much was seen.
  constexpr std::uint64_t kNearlyADay = 20 * kHour;
  const std::uint64_t elapsed = last_ns_ - first_ns_;
  const double seen_enough = elapsed < kHour ? 0.8 : elapsed < kNearlyADay ? 0.9 : 1.0;
  const double sure = confidence_of(novelty_bound()) * seen_enough;
  // A module that for a day was busy with edgeHub and hardly called anybody else is known by that:
  // else its first stranger would meet a profile that knows nothing, and his own visits would make it no better.
  constexpr std::uint64_t kFewVisits = 130;
  constexpr std::uint64_t kFewSingles = 2;
  if (elapsed < kNearlyADay || visits_ >= kFewVisits || singles_ > kFewSingles) return sure;
  return std::max(sure, confidence_of(bound_with_neighbours()));
}

Maturity Profile::maturity() const {
  const std::uint64_t elapsed = last_ns_ - first_ns_;
  const double bound = novelty_bound();
  constexpr std::uint64_t kEnoughToDespair = 300;
  if (elapsed >= kDay && visits_ >= kEnoughToDespair && (bound > 0.15 || hourly_novelty() > 0.15))
    return Maturity::not_learnable;
  if (contacts_.evicted() > ContactTable::kCapacity && bound > 0.05) return Maturity::not_learnable;
  if (elapsed >= 7 * kDay && bound <= 0.05) return Maturity::full;
  if (confidence() >= 0.7 || (elapsed >= kDay && visits_ >= 40 && bound <= 0.25)) return Maturity::useful;
  return Maturity::learning;
}

double Profile::named_share() const {
  constexpr std::uint64_t kFew = 20;
  return external_ < kFew ? -1 : static_cast<double>(external_named_) / static_cast<double>(external_);
}

void Profile::touch_time(std::uint64_t time_ns) {
  if (first_ns_ == 0) first_ns_ = time_ns;
  last_ns_ = std::max(last_ns_, time_ns);
  const auto hour = static_cast<std::uint32_t>(time_ns / kHour);
  if (hour == last_hour_) return;
  last_hour_ = hour;
  auto& active = hours_[hour_of_week(hour)];
  if (active < 255) ++active;
}

bool Profile::unusual_hour(std::uint64_t time_ns) const {
  constexpr std::uint64_t kWeek = 7 * kDay;
  constexpr std::uint64_t kWeeksToKnow = 2;
  if (first_ns_ == 0 || time_ns < first_ns_ + kWeeksToKnow * kWeek) return false;
  const auto now = static_cast<std::uint32_t>(time_ns / kHour);
  const std::uint32_t place = hour_of_week(now);
  const auto known = [&](std::uint32_t hour) -> std::uint32_t {
    // What this very hour has brought so far does not speak for it.
    const bool under_way = hour == place && last_hour_ == now;
    return hours_[hour] - (under_way && hours_[hour] > 0 ? 1 : 0);
  };
  if (known(place) + known((place + 1) % kHoursOfWeek) + known((place + kHoursOfWeek - 1) % kHoursOfWeek) > 0)
    return false;
  std::uint64_t active = 0, times = 0;
  for (std::uint32_t hour = 0; hour < kHoursOfWeek; ++hour) {
    active += known(hour) > 0;
    times += known(hour);
  }
  const std::uint64_t weeks = std::min<std::uint64_t>((time_ns - first_ns_) / kWeek, 255);
  constexpr double kKept = 0.7;  // who comes and goes as it likes keeps no hours
  return active > 0 && static_cast<double>(times) >= kKept * static_cast<double>(active * weeks);
}

bool Profile::may_teach(const Observation& seen, const Contact& contact) {
  const bool one_way =
      seen.protocol != kTcp && (seen.reach != Reach::external || contact.visits >= kOneWayVisits) && seen.outbound();
  if (contact.answered == 0 && !one_way && !seen.discovery) return false;
  // What mostly fails is no habit, even if it gets through now and then.
  constexpr std::uint32_t kFewFailures = 3;
  if (seen.protocol == kTcp && contact.failures >= kFewFailures && contact.failures * 2 > contact.attempts)
    return false;
  const Maturity now = maturity();
  if (now == Maturity::learning || now == Maturity::not_learnable || seen.discovery) return true;
  if (contact.hours < kHoursToAdmit) return false;
  const auto day = static_cast<std::uint32_t>(seen.end_ns / kDay);
  if (day != admitted_day_) {
    admitted_day_ = day;
    admitted_ = 0;
  }
  return ++admitted_ <= kAdmittedADay;
}

void Profile::promote(Contact& contact) {
  contact.standing = Standing::learned;
  if (Service* service = services_.find(contact.service)) ++service->learned;
}

void Profile::count_visit(const Observation& seen, Service& service, Contact& contact, bool fresh) {
  ++service.visits;
  ++visits_;
  if (seen.reach == Reach::external && seen.outbound() && seen.peer.kind != PeerKind::role) {
    ++external_;
    external_named_ += seen.named;
  }
  if (fresh) {
    ++service.singles;
    ++singles_;
    service.peers.add(contact.peer_hash);
  } else if (contact.visits == 2) {
    service.singles -= service.singles > 0;
    singles_ -= singles_ > 0;
  }
  if (visits_ > kVisitMemory) {
    visits_ /= 2;
    singles_ /= 2;
    external_ /= 2;
    external_named_ /= 2;
  }
}

void Profile::count_hour(std::uint32_t hours) {
  ++hour_visits_;
  if (hours == 1) ++hour_singles_;
  if (hours == 2) hour_singles_ -= hour_singles_ > 0;
  if (hour_visits_ <= kVisitMemory) return;
  hour_visits_ /= 2;
  hour_singles_ /= 2;
}

void Profile::update_service(const Observation& seen, const Contact& contact, Service& service) {
  service.last_ns = seen.end_ns;
  const auto packets = static_cast<double>(seen.packets_in + seen.packets_out);
  const double usual = service.packets.count() >= 20 ? service.packets.quantile(0.99) * kVolumeCap : packets;
  const double counted = std::min(packets, std::max(usual, 1.0));
  // A newcomer does not lift the bar that it is measured by.
  constexpr std::uint32_t kProbation = 6;
  if (service.packets.count() >= kProbation && contact.visits < kProbation) return;
  service.packets.add(counted);
  service.max_packets = std::max(service.max_packets, static_cast<std::uint64_t>(counted));
}

void Profile::learn_hour(std::uint64_t service_key, std::uint64_t bytes_out, std::uint64_t bytes_in) {
  Service* service = services_.find(service_key);
  if (service == nullptr || bytes_out + bytes_in == 0) return;
  auto out = static_cast<double>(bytes_out);
  const auto both = static_cast<double>(bytes_out + bytes_in);
  service->balance.add((2 * out - both) / both, 3600);
  if (service->hourly_out.count() >= 6) out = std::min(out, service->hourly_out.quantile(1) * kVolumeCap);
  service->hourly_out.add(out);
  service->rate_out.add(out, 3600);
}

void Profile::learn(const Observation& seen, Lesson lesson) {
  if (lesson == Lesson::nothing || seen.folded) return;
  touch_time(seen.end_ns);
  const std::uint64_t key = service_key(seen);
  const std::uint64_t contact_hash = contact_key(seen.peer, key);
  Contact* contact = contacts_.find(contact_hash);
  const bool fresh = contact == nullptr;
  if (fresh) {
    Contact made;
    made.key = contact_hash;
    made.peer_hash = seen.peer.hash;
    made.service = key;
    made.label = seen.peer.label;
    made.kind = seen.peer.kind;
    made.role = seen.role;
    made.reach = seen.reach;
    made.protocol = seen.protocol;
    made.port = service_port(seen.port);
    made.first_ns = seen.start_ns;
    std::uint64_t bereft = 0;
    contact = &contacts_.insert(std::move(made), &bereft);
    if (Service* service = bereft != 0 ? services_.find(bereft) : nullptr) service->learned -= service->learned > 0;
  }
  const bool same_window = !fresh && contact->last_ns == seen.end_ns;
  if (lesson == Lesson::suspicious && contact->standing != Standing::learned) contact->standing = Standing::quarantined;
  if (!same_window) {
    ++contact->visits;
    const auto hour = seen.end_ns / kHour;
    if (fresh || hour != contact->last_ns / kHour) {
      ++contact->hours;
      if (counts(seen)) count_hour(contact->hours);
    }
    if (!fresh && seen.attempts > 0 && seen.end_ns > contact->last_ns)
      contact->interval.add(static_cast<double>(seen.end_ns - contact->last_ns) / kSecond);
    contact->last_ns = seen.end_ns;
  }
  contact->answered += seen.answered > 0;
  contact->attempts += static_cast<std::uint32_t>(std::min<std::uint64_t>(seen.attempts, 1'000'000));
  contact->failures += static_cast<std::uint32_t>(std::min<std::uint64_t>(seen.failures, 1'000'000));
  contact->bytes_out += seen.bytes_out;
  contact->bytes_in += seen.bytes_in;
  if (lesson == Lesson::suspicious || contact->standing == Standing::quarantined) return;

  Service* service = services_.find(key);
  if (service == nullptr) {
    Service made;
    made.key = key;
    made.role = seen.role;
    made.reach = seen.reach;
    made.protocol = seen.protocol;
    made.port = service_port(seen.port);
    made.first_ns = seen.start_ns;
    service = &services_.insert(std::move(made));
  }
  if (counts(seen) && !same_window) count_visit(seen, *service, *contact, fresh);
  if (contact->standing == Standing::candidate && may_teach(seen, *contact)) promote(*contact);
  update_service(seen, *contact, *service);
  if (seen.attempts > 0) attempts_.add(static_cast<double>(seen.attempts));
}

bool Profile::unusual_process(std::string_view name) const {
  if (maturity() == Maturity::learning || maturity() == Maturity::not_learnable || processes_.size() >= kMaxProcesses)
    return false;
  if (processes_.empty()) return false;
  const auto hash = stable_hash(name);
  return std::none_of(processes_.begin(), processes_.end(), [&](const ProcessSeen& seen) { return seen.hash == hash; });
}

void Profile::learn_process(std::string_view name, std::uint64_t time_ns, Lesson lesson) {
  if (lesson != Lesson::normal || name.empty()) return;
  touch_time(time_ns);
  const auto hash = stable_hash(name);
  for (auto& seen : processes_) {
    if (seen.hash != hash) continue;
    if (seen.visits < UINT32_MAX) ++seen.visits;
    return;
  }
  if (processes_.size() >= kMaxProcesses) return;  // then none is unusual, see above
  constexpr std::size_t kLongestName = 64;
  processes_.push_back({hash, std::string(name.substr(0, kLongestName)), 1, time_ns});
}

void Profile::learn_exit(flow::ExitClass exit_class, bool main_process, std::uint64_t time_ns) {
  touch_time(time_ns);
  ++exits_.by_class[static_cast<std::size_t>(exit_class)];
  if (!main_process) return;
  if (exits_.last_ns != 0 && time_ns > exits_.last_ns)
    exits_.between.add(static_cast<double>(time_ns - exits_.last_ns) / kSecond);
  exits_.last_ns = time_ns;
}

void Profile::relearn(std::uint64_t time_ns) {
  first_ns_ = last_ns_ = time_ns;
  visits_ = singles_ = hour_visits_ = hour_singles_ = 0;
  for (auto& service : services_.all()) service.visits = service.singles = 0;
}

void Profile::verdict(std::uint64_t key, bool benign) {
  Contact* contact = contacts_.find(key);
  if (contact == nullptr) return;
  const bool was_learned = contact->standing == Standing::learned;
  if (benign && !was_learned) promote(*contact);
  if (!benign && was_learned)
    if (Service* service = services_.find(contact->service)) service->learned -= service->learned > 0;
  if (!benign) contact->standing = Standing::quarantined;
}

std::size_t Profile::memory_bytes() const {
  std::size_t bytes =
      sizeof(*this) + contacts_.memory_bytes() + services_.memory_bytes() + processes_.capacity() * sizeof(ProcessSeen);
  for (const auto& process : processes_)
    if (process.name.capacity() > 15) bytes += process.name.capacity() + 1;
  return bytes;
}

const char* to_string(Maturity maturity) {
  switch (maturity) {
    case Maturity::useful: return "useful";
    case Maturity::full: return "full";
    case Maturity::not_learnable: return "not_learnable";
    case Maturity::learning: break;
  }
  return "learning";
}

}  // namespace iris::profile
