// SPDX-License-Identifier: Apache-2.0
#include "trace/trace.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace iris::test {
namespace {

bool has(const std::vector<std::string>& arguments, const std::string& one) {
  return std::find(arguments.begin(), arguments.end(), one) != arguments.end();
}

std::vector<std::string> complete(std::vector<std::string> arguments, bool runtimes) {
  const std::string command = arguments.at(0);
  arguments.insert(arguments.begin(), IRIS_TRACE_PATH);
  if (command != "record") arguments.emplace_back("--json");
  if (command != "replay" && !runtimes) arguments.emplace_back("--no-runtimes");
  // An irisd on this machine is not what these tests are about.
  if (command != "replay" && !has(arguments, "--socket")) arguments.emplace_back("--standalone");
  if (command == "flows" && !has(arguments, "--for") && !has(arguments, "--once")) arguments.emplace_back("--follow");
  return arguments;
}

std::uint64_t dropped_sum(const Json& ledger) {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : ledger.at("dropped").items()) sum += count.get<std::uint64_t>();
  return sum;
}

}  // namespace

Trace::Trace(std::vector<std::string> arguments, bool runtimes)
    : child_(complete(std::move(arguments), runtimes), Place{}) {
  child_.wait_for_message("iris-trace: attached");
}

std::string Trace::stop_text() {
  child_.signal(SIGINT);
  const int status = child_.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("iris-trace ended with status " + std::to_string(status) + ": " + child_.err());
  }
  return child_.out();
}

std::vector<Json> Trace::stop() { return parse_lines(stop_text()); }

std::vector<Json> Trace::so_far() const {
  std::string text = child_.out();
  text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  return parse_lines(text);
}

std::uint64_t Trace::rss_kib(bool private_only) const {
  std::istringstream status(read_text("/proc/" + std::to_string(pid()) + "/status"));
  const std::string wanted = private_only ? "RssAnon:" : "VmRSS:";
  for (std::string key; status >> key;) {
    std::uint64_t value = 0;
    if (key == wanted && status >> value) return value;
  }
  throw std::runtime_error("no " + wanted + " of iris-trace");
}

Finished run_trace(std::vector<std::string> arguments) {
  Child child(complete(std::move(arguments), false), Place{});
  const int status = child.wait();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), child.out(), child.err()};
}

Load::Load(std::vector<std::string> arguments, const Place& place)
    : child_((arguments.insert(arguments.begin(), IRIS_LOAD_PATH), std::move(arguments)), place) {}

Json Load::truth(bool stop, std::chrono::milliseconds limit) {
  if (stop) child_.signal(SIGTERM);
  const int status = child_.wait(limit);
  if (status != 0) throw std::runtime_error("iris-load ended with status " + std::to_string(status) + ": " + child_.err());
  return Json::parse(child_.out());
}

std::vector<Json> parse_lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<Json> of_type(const std::vector<Json>& lines, const std::string& type, std::uint64_t owner) {
  std::vector<Json> found;
  for (const Json& line : lines) {
    if (line.at("type") != type) continue;
    if (owner != 0 && (line.at("owner").is_null() || line.at("owner").at("id") != owner)) continue;
    found.push_back(line);
  }
  return found;
}

std::uint64_t sum_of(const std::vector<Json>& lines, const std::string& field) {
  std::uint64_t sum = 0;
  for (const Json& line : lines) sum += line.at(Json::json_pointer("/" + field)).get<std::uint64_t>();
  return sum;
}

Json ledger_sum(const std::vector<Json>& lines) {
  const auto ledgers = of_type(lines, "ledger");
  Json sum{{"produced", sum_of(ledgers, "produced")},
           {"delivered", sum_of(ledgers, "delivered")},
           {"folded", sum_of(ledgers, "folded")},
           {"dropped", Json::object()}};
  for (const Json& ledger : ledgers) {
    for (const auto& [reason, count] : ledger.at("dropped").items()) {
      sum["dropped"][reason] = sum["dropped"].value(reason, std::uint64_t{0}) + count.get<std::uint64_t>();
    }
  }
  return sum;
}

std::string ledger_faults(const std::vector<Json>& lines, bool nothing_dropped) {
  const auto ledgers = of_type(lines, "ledger");
  if (ledgers.empty()) return "no ledger";
  std::string faults;
  for (std::size_t i = 0; i < ledgers.size(); ++i) {
    const Json& ledger = ledgers[i];
    const auto accounted = ledger.at("delivered").get<std::uint64_t>() + ledger.at("folded").get<std::uint64_t>() + dropped_sum(ledger);
    if (ledger.at("produced") != accounted) faults += "does not balance: " + ledger.dump() + "\n";
    if (nothing_dropped && dropped_sum(ledger) != 0) faults += "dropped: " + ledger.dump() + "\n";
    if (i > 0 && ledger.at("sequence").get<std::uint64_t>() != ledgers[i - 1].at("sequence").get<std::uint64_t>() + 1) {
      faults += "sequence: " + ledger.dump() + "\n";
    }
  }
  return faults;
}

}  // namespace iris::test
