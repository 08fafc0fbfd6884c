// SPDX-License-Identifier: Apache-2.0
// iris-live-judge: hours of normal made of a recorded gateway, and each attack behind them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "material.h"
#include "score.h"

namespace {

using namespace iris;
using namespace iris::live;
using nlohmann::json;

constexpr std::uint64_t kSecond = 1'000'000'000;

struct Arguments {
  std::string folder, attacks_file, json_file;
  double hours = 30;
  bool all = false;
  bool verdicts = true;
};

/// Learns: the gateway's start once, then the normal over and over.
base::Result<void> learn(Play& play, const Material& material, const Arguments& arguments) {
  for (const auto* part : {"boot", "normal", "control"})
    if (!material.spans.contains(part)) return base::fail(std::string("no times of ") + part);
  const auto normal = material.slice(material.spans.at("normal"), true);
  if (normal.empty()) return base::fail("no whole window of normal was recorded");
  play.begin("boot");
  play.play(material.slice({0, normal.front().start_wall_ns}, false));
  play.begin("learning");
  play.repeat(normal, static_cast<std::uint64_t>(arguments.hours * 3600) * kSecond);
  if (arguments.verdicts) play.call_harmless();
  return {};
}

json to_json(const Sighting& sighting, std::uint64_t start_ns) {
  const auto& alert = sighting.alert;
  return {{"part", sighting.part},
          {"told_s", (static_cast<double>(sighting.told_ns) - static_cast<double>(start_ns)) / 1e9},
          {"class", detect::to_string(alert.alert_class)},
          {"severity", detect::to_string(alert.severity)},
          {"rules", alert.rules},
          {"subject", alert.subject},
          {"peer", alert.peer},
          {"summary", alert.summary},
          {"count", alert.count}};
}

json list(const std::vector<Sighting>& sightings, std::uint64_t start_ns) {
  json all = json::array();
  for (const auto& one : sightings) all.push_back(to_json(one, start_ns));
  return all;
}

std::string line_of(const Sighting& one) {
  return fmt::format("{} {} {}: {}", detect::to_string(one.alert.severity), detect::to_string(one.alert.alert_class),
                     one.alert.subject, one.alert.summary);
}

class Run {
 public:
  Run(const Arguments& arguments, Material material) : arguments_(arguments), material_(std::move(material)) {}

  /// Normal that was not learned, for as long as all attacks together.
  base::Result<void> control(const std::vector<Attack>& attacks) {
    Play play(material_.batches.front().start_wall_ns);
    if (auto learned = learn(play, material_, arguments_); !learned) return learned;
    std::uint64_t length_ns = 0;
    for (const auto& attack : attacks) {
      if (!material_.spans.contains(attack.name)) continue;
      const auto slice = material_.slice(material_.spans.at(attack.name), false);
      if (slice.empty()) continue;
      length_ns += slice.back().end_wall_ns - slice.front().start_wall_ns + slice.size() * attack.stretch_s * kSecond;
    }
    const auto start = play.now_ns();
    play.begin("control");
    play.repeat(material_.slice(material_.spans.at("control"), true), length_ns);
    std::size_t in_learning = 0, in_control = 0;
    for (const auto& one : play.sightings()) ++(one.part == "control" ? in_control : in_learning);
    fmt::print("learned {:.0f} h of normal: {} alert{}{}\n", arguments_.hours, in_learning, in_learning == 1 ? "" : "s",
               arguments_.verdicts && in_learning > 0 ? ", then called harmless" : "");
    fmt::print("control, {:.0f} s of normal that was not learned: {} false alarm{}\n",
               static_cast<double>(play.now_ns() - start) / 1e9, in_control, in_control == 1 ? "" : "s");
    std::map<std::string, std::pair<std::size_t, std::string>> kinds;  // each the first time
    for (const auto& one : play.sightings()) {
      auto& [count, line] = kinds[fmt::format("{} {} {} {}", one.part == "control", detect::to_string(one.alert.alert_class), one.alert.subject, one.alert.peer)];
      if (++count == 1) line = one.part + ": " + line_of(one);
    }
    for (const auto& [kind, told] : kinds) fmt::print("  {} x {}\n", told.first, told.second);
    for (const auto& [key, profile] : play.judge().profiles())
      if (arguments_.all)
        fmt::print("  profile {}: {}, confidence {:.2f}, {} visits\n", key, profile::to_string(profile->maturity()),
                   profile->confidence(), profile->visits());
    false_alarms_ += in_control;
    document_["learned_h"] = arguments_.hours;
    document_["control_s"] = static_cast<double>(play.now_ns() - start) / 1e9;
    document_["alerts_of_normal"] = list(play.sightings(), start);
    return {};
  }

  base::Result<void> attack(const Attack& attack) {
    if (!material_.spans.contains(attack.name)) {
      fmt::print("{:<13} was not made\n", attack.name);
      return {};
    }
    Play play(material_.batches.front().start_wall_ns);
    if (auto learned = learn(play, material_, arguments_); !learned) return learned;
    const auto normal = material_.slice(material_.spans.at("normal"), true);
    const auto& span = material_.spans.at(attack.name);
    const auto slice = material_.slice(span, false);
    if (slice.empty()) return base::fail("nothing was recorded of " + attack.name);
    const auto start_ns = play.now_ns() + span.from_ns - slice.front().start_wall_ns;
    play.begin("attack");
    play.stretch(slice, normal, attack.stretch_s * kSecond);
    play.begin("after");
    play.play(normal);
    const auto verdict = judge_attack(attack, play.sightings(), start_ns);
    const auto hit = verdict.hit;
    fmt::print("{:<13} {:<20} {:<5} {:<26} {:<9} {:>7} {:>7} {:>7}  {}\n", attack.name, attack.alert_class,
               hit ? verdict.right_class ? "yes" : "class" : "NO", hit ? hit->alert.rule : "-",
               hit ? detect::to_string(hit->alert.severity) : "-", hit ? fmt::format("{:.0f} s", verdict.delay_s) : "-",
               fmt::format("{} s", attack.within_s), verdict.false_ones.size(), verdict.passed() ? "" : "FAILED");
    for (const auto& one : verdict.false_ones) fmt::print("  false: {}\n", line_of(one));
    if (arguments_.all) {
      if (hit) fmt::print("  hit: {}\n", line_of(*hit));
      for (const auto& one : verdict.also) fmt::print("  also: {}\n", line_of(one));
    }
    ++made_;
    passed_ += verdict.passed();
    right_ += verdict.right_class && verdict.in_time;
    false_alarms_ += verdict.false_ones.size();
    document_["attacks"].push_back({{"name", attack.name},
                                    {"what", attack.what},
                                    {"class", attack.alert_class},
                                    {"passed", verdict.passed()},
                                    {"right_class", verdict.right_class},
                                    {"delay_s", hit ? json(verdict.delay_s) : json()},
                                    {"within_s", attack.within_s},
                                    {"stretch_s", attack.stretch_s},
                                    {"alert", hit ? to_json(*hit, start_ns) : json()},
                                    {"also", list(verdict.also, start_ns)},
                                    {"false_alarms", list(verdict.false_ones, start_ns)}});
    return {};
  }

  bool ends() {
    fmt::print("{} of {} detected in time with the right class, {} false alarm{}\n", right_, made_, false_alarms_,
               false_alarms_ == 1 ? "" : "s");
    document_["detected"] = right_;
    document_["made"] = made_;
    document_["false_alarms"] = false_alarms_;
    return made_ > 0 && passed_ == made_ && false_alarms_ == 0;
  }
  const json& document() const { return document_; }

 private:
  const Arguments& arguments_;
  Material material_;
  json document_{{"attacks", json::array()}};
  std::size_t made_ = 0, passed_ = 0, right_ = 0, false_alarms_ = 0;
};

int fail(const std::string& message) {
  fmt::print(stderr, "iris-live-judge: {}\n", message);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Judges what tests/detection/live/run recorded. Exit status 0: all detected, no false alarm; 1: not so."};
  app.add_option("folder", arguments.folder, "What was recorded")->required();
  app.add_option("--attacks", arguments.attacks_file, "attacks.json")->required();
  app.add_option("--hours", arguments.hours, "Of learned normal")->capture_default_str()->check(CLI::Range(1.0, 1000.0));
  app.add_option("--json", arguments.json_file, "Write the table to this file");
  app.add_flag("!--no-verdicts", arguments.verdicts, "Nobody looks at the alerts of the time of learning");
  app.add_flag("--all", arguments.all, "Show true alerts and profiles, too");
  CLI11_PARSE(app, argc, argv);
  const auto attacks = read_attacks(arguments.attacks_file);
  if (!attacks) return fail(attacks.error().message);
  auto material = read_material(arguments.folder);
  if (!material) return fail(material.error().message);
  if (material->batches.empty()) return fail("nothing was recorded");
  Run run(arguments, std::move(*material));
  if (auto state = run.control(*attacks); !state) return fail(state.error().message);
  fmt::print("\n{:<13} {:<20} {:<5} {:<26} {:<9} {:>7} {:>7} {:>7}\n", "attack", "class", "found", "rule", "severity", "after",
             "within", "false");
  for (const auto& attack : *attacks)
    if (auto state = run.attack(attack); !state) return fail(state.error().message);
  const bool good = run.ends();
  if (!arguments.json_file.empty()) {
    std::ofstream out(arguments.json_file);
    out << run.document().dump(2) << "\n";
    if (!out.flush()) return fail("cannot write " + arguments.json_file);
  }
  return good ? 0 : 1;
}
