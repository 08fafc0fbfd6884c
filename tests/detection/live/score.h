// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "play.h"

namespace iris::live {

/// One attack, and what has to be said of it (attacks.json).
struct Attack {
  std::string name, what, alert_class;
  std::vector<std::string> subjects;  // the workload that does or suffers it; a device's last name will do
  std::string peer;                   // how the alert's peer begins; empty: any
  std::uint64_t within_s = 0;         // of its first act, in played time
  std::uint64_t stretch_s = 0;        // of normal behind each window of it
  struct Also {
    std::string alert_class, subject, peer;
  };
  std::vector<Also> also;  // further alerts that are true
};

base::Result<std::vector<Attack>> read_attacks(const std::filesystem::path& file);

struct Verdict {
  std::optional<Sighting> hit;      // an alert of the workload, the right class before others
  bool right_class = false;
  double delay_s = 0;
  bool in_time = false;
  std::vector<Sighting> also;       // true, and not what was asked for
  std::vector<Sighting> false_ones;

  bool passed() const { return hit && right_class && in_time && false_ones.empty(); }
};

/// Sightings of the parts "attack" and "after"; others are ignored.
Verdict judge_attack(const Attack& attack, const std::vector<Sighting>& sightings, std::uint64_t start_ns);

}  // namespace iris::live
