// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "replay.h"

/// The measures of the data's protocol. Knows alerts as rows only, nothing of the product.
namespace iris::detection {

inline constexpr int kMedium = 3;

struct Incident {
  std::string device, label;
  Seconds first = 0, last = 0;
  std::set<std::string> peers;
  std::set<std::string> expected;  // classes; empty: the source gives none
  // Found:
  bool detected = false, right_class = false;
  Seconds delay = 0;
  std::size_t alerts = 0;
  std::string alert_class;  // of the first alert
};

struct Result {
  std::string scenario, group;  // iot, industrial, desktop
  char mode = 'T';
  std::vector<Incident> incidents;
  std::vector<AlertRow> alerts;
  std::vector<char> matched;  // of each alert: m matched, f false, - counts neither way
  double device_days = 0;     // benign, monitored, of the test part
  double device_hours = 0;
  std::set<std::string> false_hours;  // device and hour with a false alarm
  std::size_t false_alarms = 0;
  Stats stats;
};

struct TestPart {
  std::vector<const Connection*> records;
  Seconds start = 0, end = 0;
};

/// "iot", "industrial" or "desktop", by what scenarios.tsv says of it.
std::string group_of(const Scenario& scenario);
/// Alert classes that are right for a label; `local`: the source is on this side.
std::set<std::string> expected_classes(const std::string& label, const Scenario& scenario, bool local);

/// Fills everything of `result` but names and alerts.
void score(const Folder& folder, const Scenario& scenario, const Network& network, const TestPart& test,
           Result& result);

/// Exact interval of a Poisson mean after `events`, 95 %.
std::pair<double, double> poisson_interval(std::size_t events);

}  // namespace iris::detection
