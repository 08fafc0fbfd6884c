// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace iris::detection {
namespace {

using nlohmann::json;

/// Measures over some results.
struct Sum {
  double device_days = 0, device_hours = 0;
  std::size_t false_alarms = 0, false_hours = 0;
  std::size_t incidents = 0, detected = 0, classed = 0, right = 0;
  std::size_t alerts = 0, matched = 0, false_any = 0;
  std::size_t serious = 0, serious_matched = 0;
  std::size_t incident_alerts = 0;
  std::vector<double> delays;

  void add(const Result& result) {
    device_days += result.device_days;
    device_hours += result.device_hours;
    false_alarms += result.false_alarms;
    false_hours += result.false_hours.size();
    for (const auto& incident : result.incidents) {
      ++incidents;
      if (!incident.detected) continue;
      ++detected;
      incident_alerts += incident.alerts;
      delays.push_back(incident.delay);
      if (incident.expected.empty()) continue;
      ++classed;
      right += incident.right_class;
    }
    for (std::size_t i = 0; i < result.alerts.size(); ++i) {
      if (result.matched[i] == '-') continue;
      const bool hit = result.matched[i] == 'm';
      const bool medium = result.alerts[i].severity >= kMedium;
      ++alerts;
      matched += hit;
      serious += medium;
      serious_matched += medium && hit;
    }
  }
  double delay(double q) {
    if (delays.empty()) return 0;
    std::sort(delays.begin(), delays.end());
    return delays[std::min(delays.size() - 1, static_cast<std::size_t>(q * static_cast<double>(delays.size())))];
  }
};

std::string ratio(std::size_t part, std::size_t whole) {
  return whole == 0
             ? "-"
             : fmt::format("{}/{} ({:.2f})", part, whole, static_cast<double>(part) / static_cast<double>(whole));
}

json ratio_json(std::size_t part, std::size_t whole) {
  json value = {{"part", part}, {"whole", whole}};
  value["share"] = whole == 0 ? json(nullptr) : json(static_cast<double>(part) / static_cast<double>(whole));
  return value;
}

std::string first_class(const Incident& incident) {
  return incident.expected.empty() ? "(no class given)" : *incident.expected.begin();
}

json sum_json(Sum sum) {
  const auto [low, high] = poisson_interval(sum.false_alarms);
  json value;
  value["device_days"] = sum.device_days;
  value["false_alarms"] = sum.false_alarms;
  value["false_alarms_per_device_day"] =
      sum.device_days > 0 ? json(static_cast<double>(sum.false_alarms) / sum.device_days) : json(nullptr);
  value["false_alarms_interval_95"] =
      sum.device_days > 0 ? json{low / sum.device_days, high / sum.device_days} : json(nullptr);
  value["device_hours_with_false_alarm"] =
      sum.device_hours > 0 ? json(static_cast<double>(sum.false_hours) / sum.device_hours) : json(nullptr);
  value["detected"] = ratio_json(sum.detected, sum.incidents);
  value["right_class"] = ratio_json(sum.right, sum.classed);
  value["precision"] = ratio_json(sum.matched, sum.alerts);
  value["precision_medium"] = ratio_json(sum.serious_matched, sum.serious);
  value["alerts_per_incident"] =
      sum.detected > 0 ? json(static_cast<double>(sum.incident_alerts) / static_cast<double>(sum.detected))
                       : json(nullptr);
  value["delay_median_s"] = sum.delays.empty() ? json(nullptr) : json(sum.delay(0.5));
  value["delay_p90_s"] = sum.delays.empty() ? json(nullptr) : json(sum.delay(0.9));
  return value;
}

std::string sum_line(const std::string& title, Sum sum) {
  const auto [low, high] = poisson_interval(sum.false_alarms);
  const std::string rate = sum.device_days > 0 ? fmt::format("{:.3f} [{:.3f}, {:.3f}]",
                                                             static_cast<double>(sum.false_alarms) / sum.device_days,
                                                             low / sum.device_days, high / sum.device_days)
                                               : std::string("-");
  return fmt::format("{:<22} {:>6} {:>8.2f} {:>24} {:>8.4f}  {:>16} {:>14} {:>16} {:>8.0f} {:>8.0f}\n", title,
                     sum.false_alarms, sum.device_days, rate,
                     sum.device_hours > 0 ? static_cast<double>(sum.false_hours) / sum.device_hours : 0.0,
                     ratio(sum.detected, sum.incidents), ratio(sum.right, sum.classed),
                     ratio(sum.serious_matched, sum.serious), sum.delay(0.5), sum.delay(0.9));
}

}  // namespace

std::string text_table(const std::vector<Result>& results) {
  std::string out = fmt::format("{:<30} {:>4} {:>6} {:>8} {:>8} {:>14} {:>14} {:>8} {:>8}\n", "scenario", "mode",
                                "alerts", "dev-days", "false", "detected", "right class", "delay_s", "per inc.");
  for (const auto& result : results) {
    Sum sum;
    sum.add(result);
    out += fmt::format(
        "{:<30} {:>4} {:>6} {:>8.2f} {:>8} {:>14} {:>14} {:>8.0f} {:>8.1f}\n", result.scenario, result.mode,
        result.alerts.size(), result.device_days, result.false_alarms, ratio(sum.detected, sum.incidents),
        ratio(sum.right, sum.classed), sum.delay(0.5),
        sum.detected > 0 ? static_cast<double>(sum.incident_alerts) / static_cast<double>(sum.detected) : 0.0);
  }
  out += fmt::format("\n{:<22} {:>6} {:>8} {:>24} {:>8}  {:>16} {:>14} {:>16} {:>8} {:>8}\n", "group, mode", "false",
                     "dev-days", "a device-day [95 %]", "hours", "detected", "right class", "precision", "median_s",
                     "p90_s");
  for (const char* group : {"iot", "industrial", "desktop"})
    for (const char mode : {'T', 'I', 'P'}) {
      Sum sum;
      bool any = false;
      for (const auto& result : results)
        if (result.group == group && result.mode == mode) {
          sum.add(result);
          any = true;
        }
      if (any) out += sum_line(fmt::format("{} {}", group, mode), std::move(sum));
    }
  Sum all;
  std::map<std::string, Sum> by_class;
  for (const auto& result : results) {
    if (result.mode == 'R') continue;
    all.add(result);
    for (const auto& incident : result.incidents) {
      Result one;
      one.incidents.push_back(incident);
      by_class[first_class(incident)].add(one);
    }
  }
  out += sum_line("all but R", all);
  out += fmt::format(
      "alerts of any severity: precision {}, {:.1f} alerts a detected incident\n\n", ratio(all.matched, all.alerts),
      all.detected > 0 ? static_cast<double>(all.incident_alerts) / static_cast<double>(all.detected) : 0.0);
  out += fmt::format("{:<24} {:>16} {:>16} {:>9} {:>9}\n", "incidents by class", "detected", "right class", "median_s",
                     "p90_s");
  for (auto& [name, sum] : by_class)
    out += fmt::format("{:<24} {:>16} {:>16} {:>9.0f} {:>9.0f}\n", name, ratio(sum.detected, sum.incidents),
                       ratio(sum.right, sum.classed), sum.delay(0.5), sum.delay(0.9));

  out += "\npoisoned learning (P) against filtered (T, or I):\n";
  for (const auto& poisoned : results) {
    if (poisoned.mode != 'P') continue;
    for (const auto& clean : results) {
      if (clean.scenario != poisoned.scenario || clean.mode == 'P' || clean.mode == 'R') continue;
      Sum with, without;
      with.add(poisoned);
      without.add(clean);
      out += fmt::format("{:<30} P {:>14}   {} {:>14}\n", poisoned.scenario, ratio(with.detected, with.incidents),
                         clean.mode, ratio(without.detected, without.incidents));
    }
  }
  return out;
}

json json_table(const std::vector<Result>& results) {
  json table;
  table["scenarios"] = json::array();
  std::map<std::string, Sum> groups;
  for (const auto& result : results) {
    Sum sum;
    sum.add(result);
    json entry = sum_json(std::move(sum));
    entry["scenario"] = result.scenario;
    entry["mode"] = std::string(1, result.mode);
    entry["group"] = result.group;
    entry["alerts"] = result.alerts.size();
    entry["records"] = {{"connections", result.stats.connections},
                        {"not_ip", result.stats.not_ip},
                        {"summaries", result.stats.summaries}};
    entry["incidents"] = json::array();
    for (const auto& incident : result.incidents)
      entry["incidents"].push_back({{"device", incident.device},
                                    {"label", incident.label},
                                    {"first", incident.first},
                                    {"last", incident.last},
                                    {"expected", incident.expected},
                                    {"detected", incident.detected},
                                    {"right_class", incident.right_class},
                                    {"delay_s", incident.detected ? json(incident.delay) : json(nullptr)},
                                    {"alerts", incident.alerts}});
    table["scenarios"].push_back(std::move(entry));
    groups[fmt::format("{} {}", result.group, result.mode)].add(result);
    if (result.mode != 'R') groups["all"].add(result);
  }
  for (auto& [name, sum] : groups) table["groups"][name] = sum_json(std::move(sum));
  return table;
}

std::string alert_lines(const Result& result) {
  std::string lines;
  for (std::size_t i = 0; i < result.alerts.size(); ++i) {
    const auto& alert = result.alerts[i];
    const json line = {{"time", alert.time},         {"last_time", alert.last},
                       {"class", alert.alert_class}, {"rule", alert.rule},
                       {"rules", alert.rules},       {"severity", alert.severity},
                       {"device", alert.device},     {"peer", alert.peer.empty() ? "-" : alert.peer},
                       {"count", alert.count},       {"summary", alert.summary}};
    lines += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace iris::detection
