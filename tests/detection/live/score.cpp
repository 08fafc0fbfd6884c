// SPDX-License-Identifier: Apache-2.0
#include "score.h"

#include <algorithm>
#include <fstream>

namespace iris::live {
namespace {

bool is(const Sighting& sighting, const std::string& subject) {
  const auto& seen = sighting.alert.subject;
  return seen == subject || seen == "$" + subject || seen.ends_with("/" + subject);
}

std::string class_of(const Sighting& sighting) { return detect::to_string(sighting.alert.alert_class); }

}  // namespace

base::Result<std::vector<Attack>> read_attacks(const std::filesystem::path& file) {
  std::vector<Attack> attacks;
  std::ifstream in(file);
  const auto document = nlohmann::json::parse(in, nullptr, false);
  if (!document.is_array()) return base::fail("no list of attacks: " + file.string());
  try {
    for (const auto& entry : document) {
      Attack attack;
      attack.name = entry.at("name");
      attack.what = entry.at("what");
      attack.alert_class = entry.at("class");
      attack.subjects = entry.at("subjects").get<std::vector<std::string>>();
      attack.peer = entry.value("peer", "");
      attack.within_s = entry.at("within_s");
      attack.stretch_s = entry.value("stretch_s", std::uint64_t{0});
      for (const auto& one : entry.value("also", nlohmann::json::array()))
        attack.also.push_back({one.at("class"), one.at("subject"), one.value("peer", "")});
      attacks.push_back(std::move(attack));
    }
  } catch (const nlohmann::json::exception& error) {
    return base::fail(file.string() + ": " + error.what());
  }
  return attacks;
}

Verdict judge_attack(const Attack& attack, const std::vector<Sighting>& sightings, std::uint64_t start_ns) {
  Verdict verdict;
  const auto of_workload = [&](const Sighting& one) {
    return std::any_of(attack.subjects.begin(), attack.subjects.end(), [&](const auto& subject) { return is(one, subject); });
  };
  const auto wanted = [&](const Sighting& one) {
    return of_workload(one) && class_of(one) == attack.alert_class && one.alert.peer.starts_with(attack.peer);
  };
  for (const auto& one : sightings) {
    if (one.part != "attack" && one.part != "after") continue;
    const bool listed = std::any_of(attack.also.begin(), attack.also.end(), [&](const auto& also) {
      return class_of(one) == also.alert_class && is(one, also.subject) && one.alert.peer.starts_with(also.peer);
    });
    if (!wanted(one)) (listed ? verdict.also : verdict.false_ones).push_back(one);
    // An alert that was there before and goes on says nothing of the attack.
    if (!one.first || !of_workload(one)) continue;
    if (verdict.hit && (verdict.right_class || !wanted(one))) continue;
    verdict.hit = one;
    verdict.right_class = wanted(one);
  }
  if (!verdict.hit) return verdict;
  verdict.delay_s = (static_cast<double>(verdict.hit->told_ns) - static_cast<double>(start_ns)) / 1e9;
  verdict.in_time = verdict.delay_s <= static_cast<double>(attack.within_s);
  return verdict;
}

}  // namespace iris::live
