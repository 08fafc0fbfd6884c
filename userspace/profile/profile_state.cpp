// SPDX-License-Identifier: Apache-2.0
// Profiles as bytes: magic "IRPF", version, then the fields in order,
// little-endian, with a length before each list and text. What does not fit is an
// error; a list longer than its table's capacity is one, too.
#include <fmt/format.h>

#include "profile/profile.h"
#include "profile/state_stream.h"

namespace iris::profile {
namespace {

constexpr std::string_view kMagic = "IRPF";
constexpr std::uint16_t kVersion = 1;

template <typename Stream>
bool transfer(Stream& s, Interval& i) {
  return values(s, i.mean_s, i.m2, i.count);
}

template <typename Stream>
bool transfer(Stream& s, Quantiles& q) {
  std::uint32_t count = q.count();
  if (!s.value(count) || !array(s, q.buckets())) return false;
  q.set_count(count);
  return true;
}

template <typename Stream>
bool transfer(Stream& s, Contact& c) {
  if (!values(s, c.key, c.peer_hash, c.service) || !s.text(c.label)) return false;
  if (!values(s, c.kind, c.standing, c.role, c.reach, c.protocol, c.port, c.visits, c.answered, c.attempts, c.failures,
              c.hours, c.first_ns, c.last_ns, c.bytes_out, c.bytes_in))
    return false;
  return transfer(s, c.interval) && c.kind <= PeerKind::unknown && c.standing <= Standing::quarantined &&
         c.role <= flow::Role::responder && c.reach <= Reach::external;
}

template <typename Stream>
bool transfer(Stream& s, Service& v) {
  if (!values(s, v.key, v.role, v.reach, v.protocol, v.port, v.visits, v.singles, v.learned, v.first_ns, v.last_ns,
              v.max_packets, v.rate_out.fast, v.rate_out.slow, v.rate_out.count, v.balance.fast, v.balance.slow,
              v.balance.count))
    return false;
  return array(s, v.peers.registers()) && transfer(s, v.packets) && transfer(s, v.hourly_out) &&
         v.role <= flow::Role::responder && v.reach <= Reach::external;
}

template <typename Stream>
bool transfer(Stream& s, ProcessSeen& p) {
  return s.value(p.hash) && s.text(p.name) && values(s, p.visits, p.first_ns);
}

}  // namespace

struct StateAccess {
  template <typename Stream>
  static bool transfer_all(Stream& s, Profile& p) {
    const auto one = [&s](auto& item) { return transfer(s, item); };
    if (!list(s, p.contacts_.all(), ContactTable::kCapacity, one, [&](Contact&& c) { p.contacts_.insert(std::move(c)); }))
      return false;
    if (!list(s, p.services_.all(), ServiceTable::kCapacity, one, [&](Service&& v) { p.services_.insert(std::move(v)); }))
      return false;
    if (!list(s, p.processes_, Profile::kMaxProcesses, one)) return false;
    std::uint64_t contacts_evicted = p.contacts_.evicted();
    std::uint64_t services_evicted = p.services_.evicted();
    if (!values(s, contacts_evicted, services_evicted)) return false;
    p.contacts_.set_evicted(contacts_evicted);
    p.services_.set_evicted(services_evicted);
    if (!array(s, p.exits_.by_class) || !s.value(p.exits_.last_ns) || !transfer(s, p.exits_.between)) return false;
    if (!transfer(s, p.attempts_) || !array(s, p.hours_)) return false;
    return values(s, p.last_hour_, p.first_ns_, p.last_ns_, p.visits_, p.singles_, p.hour_visits_, p.hour_singles_,
                  p.external_, p.external_named_, p.admitted_day_, p.admitted_);
  }
};

std::string Profile::save() const {
  StateWriter writer;
  writer.bytes = kMagic;
  std::uint16_t version = kVersion;
  writer.value(version);
  Profile copy = *this;
  StateAccess::transfer_all(writer, copy);
  return std::move(writer.bytes);
}

base::Result<Profile> Profile::load(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) return base::fail("not a profile");
  StateReader reader(bytes.substr(kMagic.size()));
  std::uint16_t version = 0;
  if (!reader.value(version)) return base::fail("profile is cut short");
  if (version != kVersion) return base::fail(fmt::format("profile of version {}, known is {}", version, kVersion));
  Profile profile;
  if (!StateAccess::transfer_all(reader, profile) || !reader.done()) return base::fail("profile is damaged");
  return profile;
}

}  // namespace iris::profile
