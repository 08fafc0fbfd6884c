// SPDX-License-Identifier: Apache-2.0
#include "detect/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "detect/gateway.h"
#include "detect/lifecycle.h"
#include "detect/ports.h"
#include "profile/sketch.h"

namespace iris::detect {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Share of records lost from which a smaller number says nothing.
constexpr double kLossThatMatters = 0.05;

double seconds_of(const flow::FlowRecord& record) {
  const std::uint64_t length = record.window_end_wall_ns - record.window_start_wall_ns;
  return record.window_end_wall_ns > record.window_start_wall_ns ? static_cast<double>(length) / kSecond : 10;
}

/// A module and a device that its own configuration names, at the port named there: the operator's choice.
/// It may answer or be switched off; nobody has found it.
bool is_configured(const std::unordered_map<std::string, ConfiguredDevice>& devices, const flow::FlowRecord& record) {
  if (record.peer_device.empty() || !record.owner || record.role != flow::Role::originator) return false;
  const auto found = devices.find(record.peer_device);
  if (found == devices.end() || found->second.module_id != record.owner->module_id) return false;
  return std::any_of(found->second.ports.begin(), found->second.ports.end(),
                     [&](std::uint16_t port) { return port == 0 || port == record.service_port; });
}

Finding risky_finding(const Moment& moment, const RiskyList::Hit& hit) {
  Finding finding;
  finding.rule = "known_risky_outbound";
  finding.alert_class = AlertClass::known_risky;
  finding.severity = hit.severity;
  finding.peer = moment.peer_text();
  finding.summary = moment.entity.subject + " and " + finding.peer + " on " + moment.service_text() +
                    ": on the list of risky peers (" + hit.reason + ")";
  finding.contact = profile::contact_key(moment.seen.peer, profile::service_key(moment.seen));
  return finding;
}

bool accuses(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.severity >= Severity::medium; });
}

}  // namespace

Judge::Judge(Thresholds limits, RiskyList risky) : limits_(limits), risky_(std::move(risky)), book_(limits) {}
Judge::~Judge() = default;

void Judge::add(const std::string& gateway, const flow::Batch& batch) {
  for (const auto& gap : batch.gaps) add(gateway, gap);
  for (const auto& record : batch.records) add(gateway, record);
  end_window(gateway, batch.end_wall_ns);
}

void Judge::add(const std::string& name, const flow::Record& record) {
  Gateway& gateway = gateway_of(name);
  if (const auto* event = std::get_if<flow::SecurityRecord>(&record)) {
    add(name, *event);
  } else if (const auto* flow = std::get_if<flow::FlowRecord>(&record)) {
    on_flow(gateway, *flow, record);
  } else if (const auto* exit = std::get_if<flow::ExitRecord>(&record)) {
    findings_.clear();
    detect_agent_killed(*exit, name, findings_);
    report(gateway, gateway.itself, findings_, exit->wall_ns, &record);
    Entity& entity = entity_of_owner(gateway, exit->owner, exit->wall_ns);
    findings_.clear();
    detect_exit(*exit, entity, limits_, findings_);
    report(gateway, entity, findings_, exit->wall_ns, &record);
    entity.profile->learn_exit(exit->exit_class, exit->main_process, exit->wall_ns);
    if (exit->main_process) excuse_ended(gateway, entity);
  } else if (const auto* exec = std::get_if<flow::ExecRecord>(&record)) {
    Entity& entity = entity_of_owner(gateway, exec->owner, exec->wall_ns);
    findings_.clear();
    detect_process(exec->executable, exec->process, entity, risky_, findings_);
    report(gateway, entity, findings_, exec->wall_ns, &record);
    const auto lesson = accuses(findings_) ? profile::Lesson::suspicious : profile::Lesson::normal;
    entity.profile->learn_process(exec->executable.empty() ? exec->process : exec->executable, exec->wall_ns, lesson);
  } else if (const auto* dns = std::get_if<flow::DnsRecord>(&record)) {
    Entity& entity = entity_of_owner(gateway, dns->owner, dns->wall_ns);
    findings_.clear();
    detect_failed_name(*dns, entity, limits_, findings_);
    report(gateway, entity, findings_, dns->wall_ns, &record);
  } else if (const auto* device = std::get_if<flow::DeviceRecord>(&record)) {
    note_device(gateway, *device);
  } else if (const auto* ledger = std::get_if<flow::Ledger>(&record)) {
    std::uint64_t dropped = 0;
    for (const auto& [reason, count] : ledger->dropped) dropped += count;
    const double share =
        ledger->produced > 0 ? static_cast<double>(dropped) / static_cast<double>(ledger->produced) : 0;
    // Fades within some minutes: what was missed then still matters for sums.
    gateway.loss = std::max(std::min(share, 1.0), gateway.loss * 0.9);
  }
}

void Judge::add(const std::string& name, const flow::SecurityRecord& record) {
  Gateway& gateway = gateway_of(name);
  const std::string device = !record.device.empty()      ? record.device
                             : !record.device_id.empty() ? record.device_id
                                                         : "unknown";
  Entity& entity = entity_of_device(gateway, device, record.wall_ns);
  findings_.clear();
  detect_unauthorized(record, entity, limits_, findings_);
  report(gateway, entity, findings_, record.wall_ns, nullptr);
}

void Judge::add(const std::string& name, const flow::Gap& gap) {
  Gateway& gateway = gateway_of(name);
  gateway.loss = std::max(gateway.loss, 0.5);
  if (gap.end_wall_ns <= gap.start_wall_ns) return;
  for (auto& [key, entity] : gateway.entities) excuse_silence(*entity, gap.end_wall_ns);
  const std::uint64_t length_s = (gap.end_wall_ns - gap.start_wall_ns) / kSecond;
  gateway.last_end_ns = std::max(gateway.last_end_ns, gap.end_wall_ns);
  if (length_s < limits_.silence_s) return;
  report(gateway, gateway.itself, {agent_silent(name, length_s, limits_)}, gap.end_wall_ns, nullptr);
}

void Judge::end_window(const std::string& name, std::uint64_t end_wall_ns) {
  Gateway& gateway = gateway_of(name);
  const std::uint64_t before = gateway.last_end_ns;
  if (before != 0 && end_wall_ns > before + limits_.silence_s * kSecond)
    report(gateway, gateway.itself, {agent_silent(name, (end_wall_ns - before) / kSecond, limits_)}, end_wall_ns,
           nullptr);
  const double window_s =
      before != 0 && end_wall_ns > before ? std::max(static_cast<double>(end_wall_ns - before) / kSecond, 1.0) : 10;
  for (Entity* entity : gateway.touched) {
    findings_.clear();
    detect_window(*entity, window_s, limits_, findings_);
    report(gateway, *entity, findings_, end_wall_ns, nullptr);
  }
  gateway.touched.clear();
  gateway.by_owner.clear();
  // Agents end a window at least every minute; nothing is known of a longer time, nor of what was lost.
  constexpr std::uint64_t kLongestWindow = 120 * kSecond;
  constexpr std::uint64_t kCheck = 60 * kSecond;
  if (before != 0 && (end_wall_ns > before + kLongestWindow || gateway.loss >= kLossThatMatters)) {
    for (auto& [key, entity] : gateway.entities) excuse_silence(*entity, end_wall_ns);
  } else if (end_wall_ns >= gateway.silence_checked_ns + kCheck) {
    gateway.silence_checked_ns = end_wall_ns;
    check_silence(gateway, end_wall_ns);
  }
  constexpr std::uint64_t kIdle = 7200 * kSecond;
  if (end_wall_ns >= gateway.swept_ns + kIdle) {
    gateway.swept_ns = end_wall_ns;
    for (auto& [key, entity] : gateway.entities)
      if (entity->fans && entity->fans_ns + kIdle < end_wall_ns) entity->fans.reset();
  }
  gateway.last_end_ns = std::max(before, end_wall_ns);
}

void Judge::on_flow(Gateway& gateway, const flow::FlowRecord& record, const flow::Record& whole) {
  Entity& owner = entity_of_owner(gateway, record.owner, record.window_end_wall_ns);
  if (record.local_address && !record.local_address->is_loopback()) owner.is_at(*record.local_address);
  judge(gateway, owner, record, profile::observe(record), whole);
  if (record.peer_device.empty() || record.folded) return;
  Entity& device = entity_of_device(gateway, record.peer_device, record.window_end_wall_ns);
  if (record.peer_address) device.is_at(*record.peer_address);
  judge(gateway, device, record, profile::observe_from_peer(record), whole);
}

void Judge::judge(Gateway& gateway, Entity& entity, const flow::FlowRecord& record, const profile::Observation& seen,
                  const flow::Record& whole) {
  const auto known = entity.profile->assess(seen);
  const Moment moment{record, seen, known, entity, limits_, record.window_end_wall_ns, seconds_of(record)};
  findings_.clear();
  const bool plain = seen.discovery || seen.peer.kind == profile::PeerKind::group;
  Suspect* suspect = nullptr;
  const HourSum& hour = entity.add_to_hour(seen, !seen.folded);
  const bool expected = is_configured(gateway.configured, record);
  if (!known.learned && !plain && !expected && !fleet_update(gateway, entity, seen, known)) {
    suspect = &note_suspect(moment);
    detect_scan(moment, findings_);
    if (const auto* hit = risky_.match(seen, record.peer_names)) findings_.push_back(risky_finding(moment, *hit));
    detect_brute_force(moment, *suspect, findings_);
    detect_contact(moment, *suspect, findings_);
    if (!seen.outbound()) {
      if (entity.window_in_packets == 0 && seen.packets_in > 0) gateway.touched.push_back(&entity);
      entity.window_in_packets += seen.packets_in;
      entity.window_out_packets += seen.packets_out;
      if (seen.port == entity.window_in_port || entity.window_in_attempts == 0) {
        entity.window_in_port = seen.port;
        entity.window_in_attempts += seen.attempts;
      } else {
        entity.window_in_attempts -= std::min(entity.window_in_attempts, seen.attempts);
      }
    }
  } else if (known.learned && is_login_port(seen.port) && seen.attempts > 0) {
    detect_brute_force(moment, note_suspect(moment), findings_);
  } else if (known.learned && !plain && (seen.failures > 0 || !entity.suspects.empty())) {
    detect_known_peer_lost(moment, findings_);
  }
  if (suspect == nullptr && !plain)
    if (const auto* hit = risky_.match_peer(seen, record.peer_names)) findings_.push_back(risky_finding(moment, *hit));
  if (!plain) {
    detect_half_open(moment, findings_);
    detect_flood(moment, findings_);
  }
  detect_volume(moment, suspect, hour, findings_);
  if (seen.folded)
    excuse_silence(entity, seen.end_ns);
  else
    detect_slower_pace(moment, findings_);
  if (seen.answered > 0 && !plain) entity.answered_ns[static_cast<std::size_t>(seen.reach)] = moment.now_ns;
  report(gateway, entity, findings_, moment.now_ns, &whole);
  // A contact that is accused itself is set apart; in a bad moment nothing is learned.
  const bool contact_accused = std::any_of(findings_.begin(), findings_.end(), [](const Finding& f) {
    return f.contact != 0 && f.severity >= Severity::medium;
  });
  const auto lesson = contact_accused      ? profile::Lesson::suspicious
                      : accuses(findings_) ? profile::Lesson::nothing
                                           : profile::Lesson::normal;
  entity.profile->learn(seen, lesson);
}

void Judge::check_silence(Gateway& gateway, std::uint64_t end_wall_ns) {
  const bool heard = std::any_of(gateway.entities.begin(), gateway.entities.end(), [&](const auto& entry) {
    return hears_site(*entry.second, end_wall_ns, limits_);
  });
  std::vector<std::pair<Entity*, Findings>> silent;
  for (auto& [key, entity] : gateway.entities) {
    findings_.clear();
    detect_silence(*entity, end_wall_ns, heard, limits_, findings_);
    if (!findings_.empty()) silent.emplace_back(entity.get(), findings_);
  }
  // In the order of names: that of the table is no order.
  std::sort(silent.begin(), silent.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first->device, a.first->subject, a.first->profile_key) <
           std::tie(b.first->device, b.first->subject, b.first->profile_key);
  });
  constexpr std::size_t kSeveral = 3;
  if (!heard && silent.size() >= kSeveral) {
    Finding finding = silent.front().second.front();
    finding.severity = Severity::medium;
    finding.peer.clear();
    finding.source.clear();
    finding.summary = fmt::format("{} workloads of {} hear nothing of their steady peers, nor does anybody: {}",
                                  silent.size(), gateway.name, finding.summary);
    report(gateway, gateway.itself, {finding}, end_wall_ns, nullptr);
  }
  for (auto& [entity, findings] : silent) report(gateway, *entity, findings, end_wall_ns, nullptr);
}

void Judge::excuse_ended(Gateway& gateway, Entity& ended) {
  ended.rhythms.clear();
  if (!ended.owner) return;
  flow::FlowRecord as_peer;
  as_peer.peer_owner = ended.owner;
  const auto peer = profile::identify_peer(as_peer).hash;
  for (auto& [key, entity] : gateway.entities)
    std::erase_if(entity->rhythms, [peer, &contacts = entity->profile->contacts()](const Rhythm& rhythm) {
      const auto* contact = contacts.find(rhythm.contact);
      return contact == nullptr || contact->peer_hash == peer;
    });
}

void Judge::report(Gateway& gateway, Entity& entity, const Findings& findings, std::uint64_t now_ns,
                   const flow::Record* evidence) {
  for (const auto& finding : findings) {
    book_.add(finding, entity, now_ns, gateway.confidence(), evidence);
    evidence = nullptr;  // once, though several detectors speak of it
  }
}

/// A peer with a name that turns up on many gateways of the same image within its
/// learning is an update of the image's maker, not an intruder's choice.
bool Judge::fleet_update(const Gateway& gateway, Entity& entity, const profile::Observation& seen,
                         const profile::Familiarity& known) {
  if (!seen.named || known.quarantined || !entity.owner || entity.owner->kind != flow::OwnerKind::container ||
      entity.owner->image.empty())
    return false;
  auto& baseline = *baselines_[entity.profile_key];
  constexpr std::size_t kFleet = 3;
  if (baseline.gateways.size() < kFleet) return false;
  const auto contact = profile::contact_key(seen.peer, profile::service_key(seen));
  constexpr std::size_t kMostContacts = 64;
  if (baseline.turned_up.size() >= kMostContacts && baseline.turned_up.count(contact) == 0)
    baseline.turned_up.erase(baseline.turned_up.begin());
  auto& where = baseline.turned_up[contact];
  const auto here = profile::stable_hash(gateway.name);
  const std::size_t enough = std::max(kFleet, baseline.gateways.size() / 3);
  const auto place = std::lower_bound(where.begin(), where.end(), here);
  if (where.size() < enough && (place == where.end() || *place != here)) where.insert(place, here);
  return where.size() >= enough;
}

std::vector<Alert> Judge::take_alerts() { return book_.take(); }

void Judge::verdict(const Alert& alert, bool benign) {
  const auto found = baselines_.find(alert.profile);
  if (found == baselines_.end() || alert.contact == 0) return;
  found->second->profile.verdict(alert.contact, benign);
  found->second->saved_ns = kChanged;
  if (!benign) return;
  for (auto& [name, gateway] : gateways_) {
    for (auto& [key, entity] : gateway->entities)
      if (entity->profile_key == alert.profile)
        for (auto& suspect : entity->suspects) suspect.accused = Severity::information;
    gateway->saved = false;
  }
}

std::vector<std::pair<std::string, const profile::Profile*>> Judge::profiles() const {
  std::vector<std::pair<std::string, const profile::Profile*>> list;
  list.reserve(baselines_.size());
  for (const auto& [key, baseline] : baselines_) list.emplace_back(key, &baseline->profile);
  return list;
}

const profile::Profile* Judge::profile(const std::string& key) const {
  const auto found = baselines_.find(key);
  return found == baselines_.end() ? nullptr : &found->second->profile;
}

void Judge::set_profile(const std::string& key, profile::Profile profile) {
  auto& baseline = baselines_[key];
  if (baseline == nullptr) baseline = std::make_unique<Baseline>();
  baseline->saved_ns = kChanged;
  baseline->profile = std::move(profile);  // in place: workloads point to it
}

std::pair<std::size_t, std::size_t> Judge::profile_bytes() const {
  std::size_t all = 0, largest = 0;
  for (const auto& [key, baseline] : baselines_) {
    const auto bytes = baseline->profile.memory_bytes();
    all += bytes;
    largest = std::max(largest, bytes);
  }
  return {all, largest};
}

}  // namespace iris::detect
