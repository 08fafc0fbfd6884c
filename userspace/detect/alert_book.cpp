// SPDX-License-Identifier: Apache-2.0
#include "detect/alert_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "detect/techniques.h"
#include "profile/sketch.h"

namespace iris::detect {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// What is below medium never hides what is above.
int band(AlertClass alert_class, Severity severity) {
  return static_cast<int>(alert_class) * 2 + (severity >= Severity::medium ? 1 : 0);
}
int band(const Finding& finding) { return band(finding.alert_class, finding.severity); }

std::string workload_of(const Entity& entity) {
  return entity.gateway + '\n' + (entity.device.empty() ? entity.subject : entity.device);
}

/// Whom the finding accuses: the peer when it came from there, else the workload.
std::string source_of(const Finding& finding, const Entity& entity) {
  const std::string& address = finding.source.empty() ? entity.address : finding.source;
  return address.empty() ? std::string() : entity.gateway + '\n' + address;
}

void add_once(std::vector<std::string>& list, std::string_view text, std::size_t most) {
  if (list.size() < most && std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

}  // namespace

AlertBook::Open* AlertBook::find(const Finding& finding, const Entity& entity, std::uint64_t now_ns) {
  const auto look = [&](const std::map<Key, std::uint64_t>& index, const std::string& who) -> Open* {
    if (who.empty()) return nullptr;
    const auto found = index.find({who, band(finding)});
    if (found == index.end()) return nullptr;
    const auto open = open_.find(found->second);
    if (open == open_.end()) return nullptr;
    const Alert& alert = open->second.alert;
    const bool fresh = now_ns < alert.wall_ns + limits_.merge_s * kSecond &&
                       now_ns < alert.last_wall_ns + limits_.merge_quiet_s * kSecond;
    return fresh ? &open->second : nullptr;
  };
  if (Open* open = look(by_workload_, workload_of(entity))) return open;
  return look(by_source_, source_of(finding, entity));
}

const Alert& AlertBook::add(const Finding& finding, const Entity& entity, std::uint64_t now_ns, double confidence,
                            const flow::Record* evidence) {
  forget(now_ns);
  Open* open = find(finding, entity, now_ns);
  if (open == nullptr) {
    const std::uint64_t number = next_++;
    open = &open_[number];
    Alert& alert = open->alert;
    alert.wall_ns = now_ns;
    alert.alert_class = finding.alert_class;
    alert.rule = finding.rule;
    alert.severity = finding.severity;
    alert.gateway = entity.gateway;
    alert.owner = entity.device.empty() ? entity.owner : nullptr;
    alert.device = entity.device;
    alert.subject = entity.subject;
    alert.peer = finding.peer;
    alert.summary = finding.summary;
    alert.expected = finding.expected;
    alert.observed = finding.observed;
    alert.confidence = confidence;
    alert.profile = entity.profile_key;
    alert.contact = finding.contact;
    const auto who = workload_of(entity);
    alert.id = fmt::format("{:016x}", profile::stable_hash(fmt::format("{}\n{}\n{}", who, now_ns, band(finding))));
    open->source = source_of(finding, entity);
    by_workload_[{who, band(finding)}] = number;
    if (!open->source.empty()) by_source_[{open->source, band(finding)}] = number;
  }
  Alert& alert = open->alert;
  open->changed = true;
  if (!alert.owner && alert.device.empty() && alert.subject == entity.subject) alert.owner = entity.owner;
  ++alert.count;
  alert.last_wall_ns = std::max(alert.last_wall_ns, now_ns);
  alert.confidence = std::min(alert.confidence, confidence);
  if (finding.severity > alert.severity) {
    // The worst finding speaks for the alert; the first keeps its time and rule.
    alert.severity = finding.severity;
    alert.summary = finding.summary;
    alert.expected = finding.expected;
    alert.observed = finding.observed;
  }
  if (alert.peer != finding.peer && alert.rule == finding.rule && !finding.peer.empty() && alert.peer.empty())
    alert.peer = finding.peer;
  constexpr std::size_t kMostRules = 12;
  constexpr std::size_t kMostTechniques = 12;
  add_once(alert.rules, finding.rule, kMostRules);
  for (const auto id : techniques_of(finding.rule)) add_once(alert.attack_techniques, id, kMostTechniques);
  if (entity.subject != alert.subject) add_once(alert.affected, entity.subject, limits_.affected);
  if (evidence != nullptr && alert.evidence.size() < limits_.evidence) alert.evidence.push_back(*evidence);
  return alert;
}

void AlertBook::forget(std::uint64_t now_ns) {
  if (now_ns < swept_ns_ + 60 * kSecond) return;
  swept_ns_ = now_ns;
  const auto old = [&](const Alert& alert) { return now_ns >= alert.wall_ns + limits_.merge_s * kSecond; };
  for (auto entry = open_.begin(); entry != open_.end();)
    entry = !entry->second.changed && old(entry->second.alert) ? open_.erase(entry) : std::next(entry);
  for (auto* index : {&by_workload_, &by_source_})
    for (auto entry = index->begin(); entry != index->end();)
      entry = open_.count(entry->second) == 0 ? index->erase(entry) : std::next(entry);
}

void AlertBook::close(const std::string& id) {
  for (auto entry = open_.begin(); entry != open_.end(); ++entry) {
    if (entry->second.alert.id != id) continue;
    open_.erase(entry);  // the indexes point to nothing then, and are swept
    return;
  }
}

std::vector<AlertBook::Open*> AlertBook::of_gateway(const std::string& gateway) {
  std::vector<Open*> found;
  for (auto& [number, open] : open_)
    if (open.alert.gateway == gateway) found.push_back(&open);
  return found;
}

void AlertBook::put(Open open) {
  const std::uint64_t number = next_++;
  const Alert& alert = open.alert;
  const std::string who = alert.gateway + '\n' + (alert.device.empty() ? alert.subject : alert.device);
  const int in = band(alert.alert_class, alert.severity);
  by_workload_[{who, in}] = number;
  if (!open.source.empty()) by_source_[{open.source, in}] = number;
  open_.emplace(number, std::move(open));
}

std::vector<Alert> AlertBook::take() {
  std::vector<Alert> changed;
  for (auto& [number, open] : open_) {
    if (!open.changed) continue;
    open.changed = false;
    changed.push_back(open.alert);
  }
  return changed;
}

}  // namespace iris::detect
