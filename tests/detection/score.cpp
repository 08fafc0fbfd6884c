// SPDX-License-Identifier: Apache-2.0
#include "score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace iris::detection {
namespace {

constexpr Seconds kIncidentGap = 1800;
constexpr Seconds kGrace = 600;
constexpr Seconds kUnmonitored = 36 * 3600;  // a longer pause of a whole capture is a pause of the capture

bool holds(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool harmless(const std::string& label) { return label.find("GOOD-") != std::string::npos; }

bool ambiguous(const Folder& folder, const std::string& scenario, const std::string& peer) {
  return std::any_of(folder.ambiguous.begin(), folder.ambiguous.end(),
                     [&](const AmbiguousPeer& a) { return matches(a.scenario, scenario) && a.dst == peer; });
}

std::vector<Incident> incidents_of(const Scenario& scenario, const Network& network, const TestPart& test) {
  std::vector<Incident> incidents;
  std::map<std::pair<std::string, std::string>, std::size_t> open;
  for (const auto* c : test.records) {
    if (c->label != Label::malicious || c->protocol < 0 || harmless(c->detail)) continue;
    const bool out = network.local(*c->src_ip);
    const auto& device = out ? c->src : c->dst;
    if (!out && !network.local(*c->dst_ip)) continue;
    if (out && (c->src_ip->is_unspecified())) continue;
    const Seconds end = c->ts + c->duration.value_or(0);
    const auto key = std::make_pair(device, c->detail);
    const auto known = open.find(key);
    Incident* incident = known != open.end() ? &incidents[known->second] : nullptr;
    if (incident == nullptr || c->ts - incident->last >= kIncidentGap) {
      open[key] = incidents.size();
      incident = &incidents.emplace_back();
      incident->device = device;
      incident->label = c->detail;
      incident->first = c->ts;
      incident->last = end;
      incident->expected = expected_classes(c->detail, scenario, out);
    }
    incident->last = std::max(incident->last, end);
    incident->peers.insert(out ? c->dst : c->src);
  }
  return incidents;
}

/// Time in which the capture ran, of the span [from, to].
Seconds monitored(const std::vector<const Connection*>& records, Seconds from, Seconds to) {
  Seconds sum = 0, seen = from;
  for (const auto* c : records) {
    if (c->ts < from) continue;
    const Seconds start = std::min(c->ts, to);
    const Seconds end = std::min(c->ts + c->duration.value_or(0), to);
    if (start > seen && start - seen < kUnmonitored) sum += start - seen;
    seen = std::max(seen, start);
    if (end > seen) sum += end - seen;
    seen = std::max(seen, end);
    if (c->ts >= to) break;
  }
  return sum;
}

}  // namespace

std::string group_of(const Scenario& scenario) {
  const auto text = lower(scenario.kind + " " + scenario.device);
  if (holds(text, {"industrial", "covert channel", "iec 60870", "iec104", "modbus", "s7", "scada", "plc"}))
    return "industrial";
  if (holds(text, {"windows", "desktop", "client", "workstation", "server"})) return "desktop";
  return "iot";
}

std::set<std::string> expected_classes(const std::string& raw, const Scenario& scenario, bool local) {
  const auto of = [&](const std::string& label) -> std::set<std::string> {
    if (holds(label, {"filedownload"})) return {"initial_infection", "command_and_control"};
    if (holds(label, {"lateral", "workstation to workstation", "file move", "mitm"})) return {"lateral_movement"};
    if (holds(label, {"exfiltration"}) && holds(label, {"c2"})) return {"command_and_control", "data_exfiltration"};
    if (holds(label, {"exfiltration"})) return {"data_exfiltration"};
    if (holds(label, {"c&c", "torii", "c2", "command and control"}) || label == "cc") return {"command_and_control"};
    if (holds(label, {"ddos", "flood", "denial"})) return {"denial_of_service"};
    if (holds(label, {"scan", "nmap", "reconnaissance"})) return {local ? "lateral_movement" : "initial_infection"};
    if (holds(label, {"external-attack", "ssh", "exploit", "brute"})) return {"initial_infection"};
    if (holds(label, {"misconf", "silence", "down", "fault"})) return {"crash"};
    return {};
  };
  auto classes = of(lower(raw));
  if (classes.empty()) classes = of(lower(scenario.device));  // the source labels packets, and says what they are there
  return classes;
}

void score(const Folder& folder, const Scenario& scenario, const Network& network, const TestPart& test,
           Result& result) {
  result.incidents = incidents_of(scenario, network, test);
  std::set<std::string> unlabelled;  // devices whose records count neither way
  std::map<std::string, std::pair<Seconds, Seconds>> present;
  for (const auto* c : test.records) {
    if (c->protocol < 0) continue;
    for (const bool out : {true, false}) {
      const auto& self = out ? c->src : c->dst;
      if (network.devices().count(self) == 0) continue;
      const Seconds end = c->ts + c->duration.value_or(0);
      const auto [place, fresh] = present.try_emplace(self, c->ts, end);
      if (!fresh) place->second.second = std::max(place->second.second, end);
    }
  }
  for (const auto& [device, span] : present) {
    const Seconds time = monitored(test.records, span.first, std::min(span.second, test.end));
    result.device_days += time / 86400;
    result.device_hours += time / 3600;
  }
  for (const auto& alert : result.alerts) {
    bool hit = false, event_hit = false;
    for (auto& incident : result.incidents) {
      const bool who =
          alert.device == incident.device || alert.peer == incident.device || incident.peers.count(alert.device) > 0;
      if (!who || alert.time < incident.first || alert.time > incident.last + kGrace) continue;
      hit = true;
      ++incident.alerts;
      if (alert.severity < kMedium) continue;
      const Seconds delay = alert.time - incident.first;
      if (!incident.detected || delay < incident.delay) {
        incident.delay = delay;
        incident.alert_class = alert.alert_class;
      }
      incident.detected = true;
      incident.right_class |= incident.expected.count(alert.alert_class) > 0;
    }
    for (const auto& event : folder.events)
      event_hit |= matches(event.pattern, scenario.name) && !harmless(event.event) && alert.time >= event.start &&
                   alert.time <= event.end + kGrace;
    // What lies near records that count neither way counts neither way.
    bool other = ambiguous(folder, scenario.name, alert.peer);
    if (!hit && !event_hit && !other)
      for (const auto* c : test.records)
        if (c->label == Label::other && (c->src == alert.device || c->dst == alert.device) &&
            (alert.peer.empty() || c->src == alert.peer || c->dst == alert.peer) && alert.time >= c->ts - 1 &&
            alert.time <= c->ts + c->duration.value_or(0) + kGrace) {
          other = true;
          break;
        }
    result.matched.push_back(hit || event_hit ? 'm' : other ? '-' : 'f');
    if (result.matched.back() != 'f' || alert.severity < kMedium) continue;
    ++result.false_alarms;
    result.false_hours.insert(fmt::format("{} {}", alert.device, static_cast<long long>(alert.time / 3600)));
  }
}

std::pair<double, double> poisson_interval(std::size_t events) {
  // P(X <= k) of a Poisson mean m, summed in logarithms.
  const auto at_most = [](double k, double mean) {
    double sum = 0;
    for (double i = 0; i <= k; ++i) sum += std::exp(i * std::log(mean) - mean - std::lgamma(i + 1));
    return sum;
  };
  const auto solve = [](auto&& too_small) {
    double low = 1e-9, high = 1e6;
    for (int i = 0; i < 200; ++i) (too_small((low + high) / 2) ? low : high) = (low + high) / 2;
    return low;
  };
  const auto k = static_cast<double>(events);
  const double upper = solve([&](double mean) { return at_most(k, mean) > 0.025; });
  const double lower = events == 0 ? 0 : solve([&](double mean) { return 1 - at_most(k - 1, mean) < 0.025; });
  return {lower, upper};
}

}  // namespace iris::detection
