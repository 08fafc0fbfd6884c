// SPDX-License-Identifier: Apache-2.0
#include "attribution_test.h"

#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>

namespace iris::test {
namespace {

constexpr const char* kSentinel = "sentinel";
constexpr std::size_t kMostSeen = 8192;  // of a failed wait, in its message

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

void AttributionTest::TearDown() {
  // One that the engine removes by itself at this moment refuses; the next look tells.
  wait_until("the end of all containers", [] {
    const std::string ids = docker("ps -aq");
    if (ids.empty()) return true;
    shell("echo '" + ids + "' | xargs timeout 60 docker -H unix://" + engine_->docker_socket() + " rm -f || true");
    return false;
  });
}

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
  LineScanner scanner(trace, std::string(R"("name":")") + kSentinel + '"');
  wait_until("the sentinel by its name", [&scanner] {
    // A connection and an exit, whichever the trace is after.
    docker(std::string("exec ") + kSentinel + " iris-actor hold " + kPeer + " 0");
    return !scanner.next().empty();
  });
  docker(std::string("rm -f ") + kSentinel);
}

std::vector<std::string> events_command() {
  return {"events", "--types", "connect,accept,established,failed,close,listen,udp"};
}

std::vector<Json> LineScanner::next() {
  std::vector<Json> found;
  std::ifstream file(path_, std::ios::binary);
  file.seekg(offset_);
  for (std::string line; std::getline(file, line) && !file.eof();) {  // an unfinished line is for later
    offset_ += static_cast<std::streamoff>(line.size()) + 1;
    if (line.find(needle_) != std::string::npos) found.push_back(Json::parse(line));
  }
  return found;
}

Json wait_for_line(Trace& trace, const std::string& needle, const Wanted& wanted) {
  LineScanner scanner(trace, needle);
  Json found;
  std::string seen;
  try {
    wait_until("a line with " + needle, [&] {
      for (const Json& line : scanner.next()) {
        if (wanted(line)) {
          found = line;
          return true;
        }
        if (seen.size() < kMostSeen) seen += line.dump() + "\n";
      }
      return false;
    });
  } catch (const std::exception& error) {
    throw std::runtime_error(error.what() + std::string(", but these came:\n") + seen);
  }
  return found;
}

void stop(Trace& trace) {
  trace.child().signal(SIGINT);
  EXPECT_EQ(trace.child().wait(), 0) << trace.child().err();
}

std::vector<Json> lines_with(Trace& trace, const std::string& needle, const Wanted& wanted) {
  auto lines = LineScanner(trace, needle).next();
  std::erase_if(lines, [&wanted](const Json& line) { return !wanted(line); });
  return lines;
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
