// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ios>
#include <memory>
#include <string>
#include <vector>

#include "private_engine.h"
#include "trace/cgroup.h"
#include "trace/trace.h"

namespace iris::test {

/// A server on the engine's own side of the bridge: whatever connects, it
/// accepts. Its cgroup is that of this test.
inline constexpr const char* kPeer = "198.51.100.1:7000";
inline constexpr int kPeerPort = 7000;

/// Socket events, for Trace.
std::vector<std::string> events_command();

/// One engine for all cases of an executable.
class AttributionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  static const PrivateEngine& engine() { return *engine_; }
  static std::string docker(const std::string& arguments) { return engine_->docker(arguments); }

  /// Runs a container in the background; its full id. `what`: options, image, command.
  static std::string run(const std::string& what) { return docker("run -d " + what); }
  /// Runs one to its end; its full id. It stays, stopped, under that id.
  static std::string run_to_end(const std::string& what);
  static pid_t main_pid(const std::string& container);

  /// `command` with the sockets of the engine.
  static std::vector<std::string> with_runtimes(std::vector<std::string> command);
  /// iris-trace, attached, and on speaking terms with the engine: it calls a
  /// container that has been there all the time by its name.
  static std::unique_ptr<Trace> start_trace(std::vector<std::string> command);
  static void wait_for_names(Trace& trace);

  void TearDown() override;

 private:
  static std::unique_ptr<PrivateEngine> engine_;
  static std::unique_ptr<Load> peer_;
};

/// A trace sees the whole host, and whatever runs beside the test may bring tens
/// of thousands of lines a second; so only those that contain `needle`, as
/// text, are parsed at all.
class LineScanner {
 public:
  LineScanner(Trace& trace, std::string needle) : path_(trace.child().out_path()), needle_(std::move(needle)) {}
  /// What has come since the last call.
  std::vector<Json> next();

 private:
  std::string path_;
  std::string needle_;
  std::streamoff offset_ = 0;
};

using Wanted = std::function<bool(const Json&)>;
/// Waits until a line with `needle` satisfies `wanted` and returns the first that does.
Json wait_for_line(Trace& trace, const std::string& needle, const Wanted& wanted);
/// SIGINT and a clean end; then the lines with `needle` that satisfy `wanted`.
void stop(Trace& trace);
std::vector<Json> lines_with(Trace& trace, const std::string& needle, const Wanted& wanted);

/// Whether the record is of this container (full id), and of this type unless that is empty.
bool is_of(const Json& line, const std::string& type, const std::string& container_id);
/// Id of a v2 cgroup: of its directory, or of a process.
std::uint64_t cgroup_id(const std::string& directory);
std::uint64_t cgroup_id_of_process(pid_t pid);
/// Path of a process in a hierarchy: "" for v2, else the v1 controller.
std::string cgroup_path_of_process(pid_t pid, const std::string& controller = {});

}  // namespace iris::test
