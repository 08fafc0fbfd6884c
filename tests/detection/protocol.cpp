// SPDX-License-Identifier: Apache-2.0
#include "protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace iris::detection {
namespace {

/// Between a learning part that was moved and the test: long enough that no alert of
/// the one goes on in the other.
constexpr Seconds kPause = 2 * 3600;

std::filesystem::path flows_of(const Folder& folder, const std::string& scenario) {
  return folder.path / "flows" / (scenario + ".tsv.gz");
}
std::filesystem::path names_of(const Folder& folder, const std::string& scenario) {
  return folder.path / "names" / (scenario + ".tsv.gz");
}

struct Learning {
  std::vector<Connection> own;  // of another file
  std::vector<const Connection*> records;
  std::vector<Name> names;
  bool apart = false;  // not the beginning of the test's own capture
};

bool is_ambiguous(const Folder& folder, const std::string& scenario, const Connection& c) {
  return std::any_of(folder.ambiguous.begin(), folder.ambiguous.end(), [&](const AmbiguousPeer& a) {
    return matches(a.scenario, scenario) && a.dst == c.dst && (a.dport == 0 || a.dport == c.dport) &&
           (a.protocol < 0 || a.protocol == c.protocol);
  });
}

Seconds end_of(const std::vector<const Connection*>& records) {
  Seconds end = 0;
  for (const auto* c : records) end = std::max(end, c->ts + c->duration.value_or(0));
  return end;
}

}  // namespace

base::Result<Result> run_line(const Folder& folder, const ProtocolLine& line) {
  const Scenario* scenario = folder.find(line.scenario);
  if (scenario == nullptr) return base::fail(line.scenario + " is not in scenarios.tsv");
  auto connections = read_connections(flows_of(folder, line.scenario));
  if (!connections) return tl::unexpected(connections.error());
  auto names = read_names(names_of(folder, line.scenario));
  if (!names) return tl::unexpected(names.error());
  if (connections->empty()) return base::fail(line.scenario + ": no records");

  const auto colon = std::min(line.learn.find(':'), line.learn.size());
  const std::string how = line.learn.substr(0, colon);
  const std::string argument = line.learn.substr(std::min(colon + 1, line.learn.size()));
  const bool filter = line.mode != 'P';
  const auto teaches = [&](const Connection& c) {
    return (!filter || c.label == Label::benign || line.mode == 'R') && !is_ambiguous(folder, line.scenario, c);
  };
  Learning learning;
  TestPart test;
  if (how == "fraction") {
    const double part = std::strtod(argument.c_str(), nullptr);
    const Seconds first = connections->front().ts;
    const Seconds cut = first + part * (connections->back().ts - first);
    for (const auto& c : *connections)
      if (c.ts >= cut)
        test.records.push_back(&c);
      else if (teaches(c))
        learning.records.push_back(&c);
    test.start = cut;
    learning.names = *names;
  } else if (how == "captures") {
    const auto most = static_cast<std::size_t>(std::strtoul(argument.c_str(), nullptr, 10));
    std::set<std::string> first;
    for (const auto& c : *connections) {
      if (first.size() < most) first.insert(c.detail);
      if (first.count(c.detail) == 0)
        test.records.push_back(&c);
      else if (teaches(c))
        learning.records.push_back(&c);
    }
    learning.names = *names;
    if (!test.records.empty()) test.start = test.records.front()->ts;
  } else if (how == "benign" || how == "scenario" || how == "path") {
    learning.apart = true;
    if (how == "benign") {
      learning.own = *connections;
      learning.names = *names;
    } else {
      const auto file = how == "path" ? folder.path / argument : flows_of(folder, argument);
      auto other = read_connections(file);
      if (!other) return tl::unexpected(other.error());
      learning.own = std::move(*other);
      if (how == "scenario")
        if (auto other_names = read_names(names_of(folder, argument))) learning.names = std::move(*other_names);
    }
    for (const auto& c : learning.own)
      if (c.label == Label::benign && !is_ambiguous(folder, line.scenario, c)) learning.records.push_back(&c);
    for (const auto& c : *connections) test.records.push_back(&c);
    test.start = connections->front().ts;
  } else {
    return base::fail(fmt::format("{}: '{}' is no way to learn", line.scenario, line.learn));
  }
  test.end = end_of(test.records);

  Network network(*scenario, *connections);
  detect::Judge judge;
  Player player(judge, network);
  const Seconds shift =
      learning.apart && !learning.records.empty() ? test.start - kPause - end_of(learning.records) : 0;
  player.play(learning.records, learning.names, shift);
  player.finish();
  player.take();  // alerts of the learning part: read, and closed
  if (learning.apart) player.pause();
  player.play(test.records, *names, 0);
  player.finish();

  Result result;
  result.scenario = line.scenario;
  result.mode = line.mode;
  result.group = group_of(*scenario);
  result.alerts = player.take();
  result.stats = player.stats();
  score(folder, *scenario, network, test, result);
  return result;
}

}  // namespace iris::detection
