// SPDX-License-Identifier: Apache-2.0
// A judge as bytes: a profile with what the fleet knows of it ("IRJP"), and a gateway
// with the recent past of its workloads and its open alerts ("IRJG"). Owners and
// evidence are left out: the next record of a workload brings its owner, and evidence
// is where the alert was put.
#include <fmt/format.h>

#include <algorithm>

#include "detect/gateway.h"
#include "profile/sketch.h"
#include "profile/state_stream.h"

namespace iris::detect {
namespace {

using profile::array;
using profile::list;
using profile::values;

constexpr std::string_view kProfileMagic = "IRJP";
constexpr std::string_view kGatewayMagic = "IRJG";
constexpr std::uint16_t kVersion = 1;         // of a profile
constexpr std::uint16_t kGatewayVersion = 2;  // 2: with configured devices

// No table here is larger; what claims to be is damaged.
constexpr std::size_t kMostHashes = 65'536;
constexpr std::size_t kMostEntities = 1'000'000;
constexpr std::size_t kMostSuspects = 4'096;
constexpr std::size_t kMostTexts = 1'024;
constexpr std::size_t kMostAlerts = 65'536;

template <typename Stream>
bool hashes(Stream& s, std::vector<std::uint64_t>& items) {
  return list(s, items, kMostHashes, [&s](std::uint64_t& hash) { return s.value(hash); });
}

template <typename Stream>
bool texts(Stream& s, std::vector<std::string>& items) {
  return list(s, items, kMostTexts, [&s](std::string& text) { return s.long_text(text); });
}

template <typename Stream>
bool transfer(Stream& s, profile::Interval& i) {
  return values(s, i.mean_s, i.m2, i.count);
}

template <typename Stream>
bool transfer(Stream& s, Suspect& x) {
  return values(s, x.key, x.first_ns, x.last_ns, x.attempts, x.answered, x.failures, x.windows) &&
         transfer(s, x.interval) &&
         values(s, x.bytes_out, x.bytes_in, x.hour_ns, x.hour_out, x.hour_in, x.minute_ns, x.minute_attempts,
                x.accused) &&
         x.accused <= Severity::critical;
}

template <typename Stream>
bool transfer(Stream& s, HourSum& h) {
  return values(s, h.service, h.hour, h.out, h.in);
}

template <typename Stream>
bool transfer(Stream& s, Fan::Group& g) {
  return s.value(g.key) && hashes(s, g.members) && values(s, g.attempts, g.unanswered);
}

template <typename Stream>
bool flag(Stream& s, bool& value) {
  auto raw = static_cast<std::uint8_t>(value);
  if (!s.value(raw) || raw > 1) return false;
  value = raw == 1;
  return true;
}

template <typename Stream>
bool transfer(Stream& s, Rhythm& r) {
  return s.value(r.contact) && array(s, r.peer.bytes) &&
         values(s, r.first_ns, r.last_ns, r.pause_ns, r.second_pause_ns, r.faded_ns, r.windows, r.slow, r.paced, r.pace,
                r.spread, r.asked, r.start_ns, r.bytes, r.asked_bytes, r.asked_packets) &&
         flag(s, r.site) && flag(s, r.joined) && flag(s, r.silent);
}

template <typename Stream>
bool transfer(Stream& s, Expected& e) {
  return s.text(e.metric) && values(s, e.low, e.high) && s.text(e.unit);
}

template <typename Stream>
bool transfer(Stream& s, Alert& a) {
  if (!s.text(a.id) || !values(s, a.wall_ns, a.last_wall_ns, a.alert_class) || !s.text(a.rule) || !texts(s, a.rules))
    return false;
  if (!s.value(a.severity) || !s.text(a.gateway) || !s.long_text(a.device) || !s.long_text(a.subject) ||
      !s.long_text(a.peer) || !s.long_text(a.summary))
    return false;
  bool expects = a.expected.has_value();
  bool observes = a.observed.has_value();
  if (!flag(s, expects) || !flag(s, observes)) return false;
  if (expects && !transfer(s, a.expected ? *a.expected : a.expected.emplace())) return false;
  if (observes && !s.value(a.observed ? *a.observed : a.observed.emplace())) return false;
  return texts(s, a.attack_techniques) && texts(s, a.affected) && values(s, a.count, a.confidence, a.status) &&
         s.long_text(a.profile) && s.value(a.contact) && static_cast<std::size_t>(a.alert_class) < kAlertClasses &&
         a.severity >= Severity::information && a.severity <= Severity::critical && a.status <= AlertStatus::closed;
}

}  // namespace

struct StateAccess {
  template <typename Stream>
  static bool transfer(Stream& s, Fan& fan) {
    return s.value(fan.start_ns_) &&
           list(s, fan.groups_, Fan::kGroups, [&s](Fan::Group& group) { return detect::transfer(s, group); });
  }

  template <typename Stream>
  static bool transfer(Stream& s, Fans& f) {
    for (Fan* fan : {&f.ports_minute, &f.ports_hour, &f.peers_minute, &f.peers_hour, &f.inbound_minute, &f.inbound_hour,
                     &f.strangers_hour, &f.sources_hour, &f.probed_hour, &f.names_hour})
      if (!transfer(s, *fan)) return false;
    return true;
  }

  template <typename Stream>
  static bool transfer(Stream& s, Entity& e) {
    if (!s.long_text(e.subject) || !s.long_text(e.device) || !s.long_text(e.profile_key) || !s.text(e.address) ||
        !s.value(e.last_ns))
      return false;
    if (!list(s, e.suspects, kMostSuspects, [&s](Suspect& item) { return detect::transfer(s, item); }) ||
        !list(s, e.hours, kMostSuspects, [&s](HourSum& item) { return detect::transfer(s, item); }))
      return false;
    bool has_fans = e.fans != nullptr;
    if (!s.value(e.fans_ns) || !flag(s, has_fans)) return false;
    if (has_fans && !e.fans) e.fans = std::make_unique<Fans>();
    if (has_fans && !transfer(s, *e.fans)) return false;
    if (!list(s, e.rhythms, kMostSuspects, [&s](Rhythm& item) { return detect::transfer(s, item); })) return false;
    return array(s, e.answered_ns) &&
           values(s, e.window_in_packets, e.window_out_packets, e.window_in_attempts, e.window_in_port) &&
           array(s, e.ends_ns) && s.value(e.ends) && array(s, e.refused_ns) && s.value(e.refused);
  }

  template <typename Stream>
  static bool transfer(Stream& s, AlertBook::Open& open) {
    return detect::transfer(s, open.alert) && s.long_text(open.source) && flag(s, open.changed);
  }
};

namespace {

template <typename Stream>
bool transfer_fleet(Stream& s, Baseline& b) {
  if (!hashes(s, b.versions) || !hashes(s, b.gateways)) return false;
  using Pair = std::pair<std::uint64_t, std::vector<std::uint64_t>>;
  std::vector<Pair> turned_up(b.turned_up.begin(), b.turned_up.end());
  const auto one = [&s](Pair& item) { return s.value(item.first) && hashes(s, item.second); };
  return list(s, turned_up, kMostHashes, one, [&b](Pair&& item) { b.turned_up.insert(std::move(item)); });
}

template <typename Stream>
bool begin(Stream& s, std::uint16_t expected = kVersion) {
  std::uint16_t version = expected;
  return s.value(version) && version == expected;
}

using Configured = std::pair<std::string, ConfiguredDevice>;

template <typename Stream>
bool transfer_configured(Stream& s, std::vector<Configured>& devices) {
  return list(s, devices, kMostEntities, [&s](Configured& item) {
    auto& [id, device] = item;
    return s.long_text(id) && s.long_text(device.module_id) &&
           list(s, device.ports, kMostTexts, [&s](std::uint16_t& port) { return s.value(port); });
  });
}

tl::unexpected<base::Error> damaged(const State& state) {
  return base::fail(fmt::format("state of {} is damaged, or of another version", state.key));
}

base::Result<Baseline> read_baseline(const State& state) {
  const std::string_view bytes(state.bytes);
  profile::StateReader reader(bytes.substr(std::min(kProfileMagic.size(), bytes.size())));
  Baseline baseline;
  if (!bytes.starts_with(kProfileMagic) || !begin(reader) || !transfer_fleet(reader, baseline))
    return damaged(state);
  auto profile = profile::Profile::load(reader.take_rest());
  if (!profile) return base::with_context(state.key, std::move(profile.error()));
  baseline.profile = std::move(*profile);
  baseline.saved_ns = baseline.profile.last_ns();
  return baseline;
}

}  // namespace

std::vector<State> Judge::save_changed() {
  std::vector<State> saved;
  for (auto& [key, baseline] : baselines_) {
    if (baseline->saved_ns == baseline->profile.last_ns()) continue;
    baseline->saved_ns = baseline->profile.last_ns();
    profile::StateWriter writer;
    writer.bytes = kProfileMagic;
    begin(writer);
    transfer_fleet(writer, *baseline);
    saved.push_back({State::Kind::profile, key, std::move(writer.bytes) + baseline->profile.save()});
  }
  for (auto& [name, gateway] : gateways_) {
    if (gateway->saved) continue;
    gateway->saved = true;
    saved.push_back({State::Kind::gateway, name, save_gateway(*gateway)});
  }
  return saved;
}

void Judge::forget_saved() {
  for (auto& [key, baseline] : baselines_) baseline->saved_ns = kChanged;
  for (auto& [name, gateway] : gateways_) gateway->saved = false;
}

std::string Judge::save_gateway(Gateway& gateway) {
  profile::StateWriter writer;
  writer.bytes = kGatewayMagic;
  begin(writer, kGatewayVersion);
  values(writer, gateway.last_end_ns, gateway.swept_ns, gateway.silence_checked_ns, gateway.loss);
  std::vector<Configured> configured(gateway.configured.begin(), gateway.configured.end());
  std::sort(configured.begin(), configured.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  transfer_configured(writer, configured);
  std::vector<std::pair<std::string, Entity*>> entities;
  entities.reserve(gateway.entities.size());
  for (auto& [key, entity] : gateway.entities) entities.emplace_back(key, entity.get());
  std::sort(entities.begin(), entities.end());  // the same state gives the same bytes
  list(writer, entities, kMostEntities, [&writer](auto& item) {
    return writer.long_text(item.first) && StateAccess::transfer(writer, *item.second);
  });
  StateAccess::transfer(writer, gateway.itself);
  auto open = book_.of_gateway(gateway.name);
  list(writer, open, kMostAlerts, [&writer](AlertBook::Open*& item) { return StateAccess::transfer(writer, *item); });
  return std::move(writer.bytes);
}

base::Result<void> Judge::load(const State& state) {
  return state.kind == State::Kind::profile ? load_profile(state) : load_gateway(state);
}

base::Result<void> Judge::load_profile(const State& state) {
  auto read = read_baseline(state);
  if (!read) return tl::unexpected(std::move(read.error()));
  auto& baseline = baselines_[state.key];
  if (baseline == nullptr) baseline = std::make_unique<Baseline>();
  *baseline = std::move(*read);  // in place: workloads point to its profile
  return {};
}

base::Result<profile::Profile> Judge::profile_of(const State& state) {
  auto read = read_baseline(state);
  if (!read) return tl::unexpected(std::move(read.error()));
  return std::move(read->profile);
}

base::Result<void> Judge::load_gateway(const State& state) {
  const std::string_view bytes(state.bytes);
  profile::StateReader reader(bytes.substr(std::min(kGatewayMagic.size(), bytes.size())));
  auto made = std::make_unique<Gateway>();
  made->name = state.key;
  struct Keyed {
    std::string key;
    std::unique_ptr<Entity> entity = std::make_unique<Entity>();
  };
  std::vector<Keyed> entities;
  std::vector<AlertBook::Open> alerts;
  std::vector<Configured> configured;
  const bool whole =
      bytes.starts_with(kGatewayMagic) && begin(reader, kGatewayVersion) &&
      values(reader, made->last_end_ns, made->swept_ns, made->silence_checked_ns, made->loss) && transfer_configured(reader, configured) &&
      list(reader, entities, kMostEntities,
           [&reader](Keyed& item) {
             return reader.long_text(item.key) && StateAccess::transfer(reader, *item.entity);
           }) &&
      StateAccess::transfer(reader, made->itself) &&
      list(reader, alerts, kMostAlerts,
           [&reader](AlertBook::Open& item) { return StateAccess::transfer(reader, item); }) &&
      reader.done();
  if (!whole) return damaged(state);
  made->itself.gateway = state.key;
  for (auto& [id, device] : configured) made->configured.insert_or_assign(std::move(id), std::move(device));
  for (auto& [key, entity] : entities) {
    entity->gateway = state.key;
    auto& baseline = baselines_[entity->profile_key];
    if (baseline == nullptr) baseline = std::make_unique<Baseline>();
    entity->profile = &baseline->profile;
    made->entities.insert_or_assign(std::move(key), std::move(entity));
  }
  made->saved = true;
  gateways_.insert_or_assign(state.key, std::move(made));
  for (auto& open : alerts) book_.put(std::move(open));
  return {};
}

std::vector<std::string> Judge::profiles_of(const std::string& gateway) const {
  std::vector<std::string> keys;
  const auto found = gateways_.find(gateway);
  if (found == gateways_.end()) return keys;
  for (const auto& [key, entity] : found->second->entities) keys.push_back(entity->profile_key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

}  // namespace iris::detect
