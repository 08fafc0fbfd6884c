// SPDX-License-Identifier: Apache-2.0
#include "attribution_test.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>

namespace iris::test {
namespace {

constexpr const char* kSentinel = "sentinel";

}  // namespace

std::unique_ptr<PrivateEngine> AttributionTest::engine_;
std::unique_ptr<Load> AttributionTest::peer_;

void AttributionTest::SetUpTestSuite() {
  engine_ = std::make_unique<PrivateEngine>();
  Place place;
  place.net_namespace = engine_->net_namespace();
  peer_ = std::make_unique<Load>(std::vector<std::string>{"tcp-server", "--listen", kPeer}, place);
  peer_->ready();
}

void AttributionTest::TearDownTestSuite() {
  peer_.reset();
  engine_.reset();
}

void AttributionTest::TearDown() { docker("ps -aq | xargs -r docker -H unix://" + engine_->docker_socket() + " rm -f"); }

std::string AttributionTest::run_to_end(const std::string& what) {
  const std::string id = docker("create " + what);
  // Its exit code is a matter of the test, not of ours.
  docker("start " + id);
  docker("wait " + id);
  return id;
}

pid_t AttributionTest::main_pid(const std::string& container) {
  return std::stoi(docker("inspect -f '{{.State.Pid}}' " + container));
}

std::vector<std::string> AttributionTest::with_runtimes(std::vector<std::string> command) {
  for (const std::string& word : {std::string("--docker-socket"), engine_->docker_socket(),
                                  std::string("--containerd-socket"), engine_->containerd_socket()}) {
    command.push_back(word);
  }
  return command;
}

std::unique_ptr<Trace> AttributionTest::start_trace(std::vector<std::string> command) {
  auto trace = std::make_unique<Trace>(with_runtimes(std::move(command)), true);
  wait_for_names(*trace);
  return trace;
}

void AttributionTest::wait_for_names(Trace& trace) {
  run(std::string("--name ") + kSentinel + " iris-actor:1 iris-actor wait");
  wait_until("the sentinel by its name", [&trace] {
    // A connection and an exit, whichever the trace is after.
    docker(std::string("exec ") + kSentinel + " iris-actor hold " + kPeer + " 0");
    const auto lines = trace.so_far();
    return std::any_of(lines.begin(), lines.end(), [](const Json& line) {
      return line.contains("owner") && line["owner"].is_object() && line["owner"]["name"] == kSentinel;
    });
  });
  docker(std::string("rm -f ") + kSentinel);
}

std::vector<std::string> events_command() {
  return {"events", "--types", "connect,accept,established,failed,close,listen,udp"};
}

Json wait_for_line(const Trace& trace, const std::string& what, const std::function<bool(const Json&)>& wanted) {
  Json found;
  wait_until(what, [&] {
    const auto lines = trace.so_far();
    const auto at = std::find_if(lines.begin(), lines.end(), wanted);
    if (at == lines.end()) return false;
    found = *at;
    return true;
  });
  return found;
}

std::vector<Json> lines_with(const std::vector<Json>& lines, const std::function<bool(const Json&)>& wanted) {
  std::vector<Json> found;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(found), wanted);
  return found;
}

bool is_of(const Json& line, const std::string& type, const std::string& container_id) {
  return (type.empty() || line.at("type") == type) && line.contains("owner") && line["owner"].is_object() &&
         line["owner"]["container_id"] == container_id;
}

std::uint64_t cgroup_id(const std::string& directory) {
  struct stat about {};
  if (stat(directory.c_str(), &about) != 0) throw std::system_error(errno, std::generic_category(), directory);
  return about.st_ino;
}

std::uint64_t cgroup_id_of_process(pid_t pid) { return cgroup_id(cgroup2_root() + cgroup_path_of_process(pid)); }

std::string cgroup_path_of_process(pid_t pid, const std::string& controller) {
  std::istringstream lines(read_text("/proc/" + std::to_string(pid) + "/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (line.substr(first + 1, second - first - 1) == controller) return line.substr(second + 1);
  }
  throw std::runtime_error("process " + std::to_string(pid) + " is not in the hierarchy of '" + controller + "'");
}

}  // namespace iris::test
