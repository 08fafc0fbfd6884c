// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/version.h"
#include "sample_records.h"

namespace iris::cli {
namespace {

using namespace iris::wire::samples;
using ::testing::HasSubstr;
using ::testing::Not;

/// Injects records into the sink, window after window, until it is stopped.
class FakeSource : public TraceSource {
 public:
  struct Script {
    std::vector<flow::Record> window;
    int windows = 1;  // -1: for ever
    std::function<void(int)> before_window = {};
    base::Result<void> result = {};
    pipeline::TracerStatus status = {};
    std::vector<flow::ContainerRecord> containers = {};
    std::vector<flow::DeviceRecord> devices = {};
    std::vector<std::string> alerts = {};
    std::optional<local::AgentStatus> agent = {};
    int stops = 0;
    int windows_given = 0;
    std::optional<std::chrono::milliseconds> duration = {};
  };
  explicit FakeSource(Script& script) : script_(script) {}

  base::Result<void> run(flow::RecordSink& sink, std::optional<std::chrono::milliseconds> duration) override {
    script_.duration = duration;
    for (int i = 0; script_.windows < 0 || i < script_.windows; ++i) {
      if (script_.before_window) script_.before_window(i);
      if (script_.stops > 0) break;
      for (const auto& record : script_.window) sink.write(record);
      ++script_.windows_given;
      sink.flush();
    }
    return script_.result;
  }
  void request_stop() override { ++script_.stops; }
  pipeline::TracerStatus status() const override { return script_.status; }
  std::vector<flow::ContainerRecord> containers() const override { return script_.containers; }
  std::vector<flow::DeviceRecord> devices() const override { return script_.devices; }
  std::vector<std::string> alerts() const override { return script_.alerts; }
  const local::AgentStatus* agent() const override { return script_.agent ? &*script_.agent : nullptr; }

 private:
  Script& script_;
};

class Commands : public ::testing::Test {
 protected:
  Commands() { directory_ = ::testing::TempDir() + "iris_cli_XXXXXX"; mkdtemp(directory_.data()); }
  ~Commands() override { for (const char* name : {"out", "file"}) unlink(path(name).c_str()); rmdir(directory_.c_str()); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  /// Exit code; standard output in out_, standard error in err_.
  int run(const std::string& line) {
    const int fd = open(path("out").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    const int code = run_on(line, fd);
    close(fd);
    std::ifstream file(path("out"), std::ios::binary);
    out_ = {std::istreambuf_iterator<char>(file), {}};
    return code;
  }

  int run_on(const std::string& line, int fd) {
    std::istringstream words("iris-trace " + line);
    std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    std::vector<const char*> argv;
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    auto parsed = parse_options(static_cast<int>(argv.size()), argv.data());
    const Backend backend{
        [this](const pipeline::TracerOptions&) -> base::Result<std::unique_ptr<TraceSource>> {
          if (open_error_) return tl::unexpected(*open_error_);
          return std::make_unique<FakeSource>(script_);
        },
        [this](const pipeline::TracerOptions&) -> base::Result<std::vector<pipeline::SelfTestStep>> { return steps_; }};
    ::testing::internal::CaptureStderr();
    Output output(fd);
    const int code = run_command(std::get<Options>(parsed), backend, output);
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  std::string directory_;
  std::string out_;
  std::string err_;
  FakeSource::Script script_;
  std::optional<base::Error> open_error_;
  std::vector<pipeline::SelfTestStep> steps_;
};

std::vector<flow::Record> small_window() {
  flow::Ledger ledger;
  ledger.window_start_wall_ns = kTime;
  ledger.window_end_wall_ns = kTime + 1;
  ledger.dropped = {{"ring_full", 2}};
  return {full_flow(), full_close(), full_exit(), ledger};
}

TEST_F(Commands, JsonIsOneObjectALineAndNothingElse) {
  script_ = {.window = small_window(), .windows = 3};
  EXPECT_EQ(run("flows --json --follow"), 0);
  std::istringstream lines(out_);
  std::vector<std::string> types;
  for (std::string line; std::getline(lines, line);) types.push_back(nlohmann::json::parse(line)["type"]);
  EXPECT_THAT(types, ::testing::ElementsAre("flow", "ledger", "flow", "ledger", "flow", "ledger"));
  EXPECT_EQ(err_, "iris-trace: attached\niris-trace: 3 records in 3 windows; 6 lost: ring_full 6\n");
}

TEST_F(Commands, EachCommandPrintsItsOwnRecords) {
  script_ = {.window = small_window()};
  EXPECT_EQ(run("events --json"), 0);
  EXPECT_THAT(out_, HasSubstr(R"({"type":"close")"));
  EXPECT_THAT(out_, Not(HasSubstr(R"({"type":"exit")")));
  EXPECT_EQ(run("events --json --types connect"), 0);
  EXPECT_THAT(out_, Not(HasSubstr(R"({"type":"close")")));
  EXPECT_EQ(run("exits"), 0);
  EXPECT_THAT(out_, HasSubstr("SIGSEGV"));
  EXPECT_EQ(run("exits --container nobody"), 0);
  EXPECT_THAT(out_, Not(HasSubstr("SIGSEGV")));
  EXPECT_THAT(out_, HasSubstr("2 lost")) << "loss concerns everyone";
}

TEST_F(Commands, OneWindowForTextThatGoesElsewhere) {
  run("flows --window 3");
  EXPECT_EQ(script_.duration, std::chrono::milliseconds(3000));
  run("flows --json");
  EXPECT_EQ(script_.duration, std::nullopt);
  run("flows --follow");
  EXPECT_EQ(script_.duration, std::nullopt);
  run("flows --for 60");
  EXPECT_EQ(script_.duration, std::chrono::milliseconds(60'000));
  run("flows --once --window 2");
  EXPECT_EQ(script_.duration, std::chrono::milliseconds(2000));
}

TEST_F(Commands, ExitCodesFollowTheError) {
  using Kind = base::Error::Kind;
  for (const auto& [kind, code] : {std::pair(Kind::failed, 1), {Kind::usage, 2}, {Kind::permission, 3}, {Kind::unsupported, 3}}) {
    open_error_ = base::Error{kind, "no luck"};
    for (const char* line : {"flows", "containers", "status", "record /nonexistent/file"}) {
      EXPECT_EQ(run(line), code) << line;
      EXPECT_EQ(err_, "iris-trace: no luck\n") << line;
      EXPECT_EQ(out_, "") << line;
    }
  }
}

TEST_F(Commands, SignalsEndCleanlyWithASummary) {
  for (const int signal : {SIGINT, SIGTERM}) {
    script_ = {.window = small_window(), .windows = -1, .before_window = [signal](int i) { if (i == 2) raise(signal); }};
    EXPECT_EQ(run("flows --follow"), 0);
    EXPECT_EQ(script_.windows_given, 2);
    EXPECT_THAT(err_, HasSubstr("2 records in 2 windows"));
  }
}

TEST_F(Commands, AClosedPipeEndsQuietly) {
  for (const char* line : {"flows --follow", "events --json", "record -"}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    close(ends[0]);
    script_ = {.window = small_window(), .windows = -1};
    EXPECT_EQ(run_on(line, ends[1]), 0) << line;
    EXPECT_EQ(err_, "iris-trace: attached\n") << line;
    EXPECT_GE(script_.stops, 1);
    close(ends[1]);
  }
}

TEST_F(Commands, AFullDiskIsAnError) {
  for (const std::string line : {"flows --follow --json", "record /dev/full"}) {
    const int fd = open("/dev/full", O_WRONLY);
    ASSERT_GE(fd, 0);
    script_ = {.window = small_window(), .windows = -1};
    EXPECT_EQ(run_on(line, fd), 1) << line;
    EXPECT_THAT(err_, HasSubstr("No space left on device")) << line;
    close(fd);
  }
}

TEST_F(Commands, WhatIsRecordedReplaysTheSameEachTime) {
  script_ = {.window = small_window(), .windows = 4};
  ASSERT_EQ(run("record " + path("file")), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("12 records in 4 windows"));
  struct stat file {};
  ASSERT_EQ(stat(path("file").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);

  ASSERT_EQ(run("replay --json " + path("file")), 0) << err_;
  const std::string first = out_;
  ASSERT_EQ(run("replay --json " + path("file")), 0);
  EXPECT_EQ(out_, first);
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 16);

  ASSERT_EQ(run("replay --only flows " + path("file")), 0);
  EXPECT_THAT(out_, HasSubstr("PEER"));
  EXPECT_THAT(out_, Not(HasSubstr("SIGSEGV")));
}

TEST_F(Commands, ReplayOfACutFileGivesWhatIsWholeAndFails) {
  script_ = {.window = small_window(), .windows = 4};
  ASSERT_EQ(run("record " + path("file")), 0);
  struct stat file {};
  stat(path("file").c_str(), &file);
  ASSERT_EQ(truncate(path("file").c_str(), file.st_size - 12), 0);
  EXPECT_EQ(run("replay --json " + path("file")), 1);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 16);
  EXPECT_THAT(err_, HasSubstr("cut short: 16 records"));

  EXPECT_EQ(run("replay /nonexistent"), 1);
  EXPECT_THAT(err_, HasSubstr("cannot open /nonexistent"));
  EXPECT_EQ(run("replay /proc/self/exe"), 1);
  EXPECT_THAT(err_, HasSubstr("not a recording"));
}

TEST_F(Commands, ContainersByName) {
  flow::ContainerRecord bare = full_container();
  flow::Owner owner;
  owner.kind = flow::OwnerKind::container;
  owner.container_id = std::string(64, 'd');
  bare.owner = std::make_shared<const flow::Owner>(owner);
  bare.pid = 0;
  bare.addresses.clear();
  script_ = {.window = {}, .windows = 0, .containers = {full_container(), bare}};
  EXPECT_EQ(run("containers"), 0);
  EXPECT_EQ(out_,
            "NAME          MODULE  IMAGE                        RUNTIME  PID  KNOWN        ID            ADDRESSES\n"
            "dddddddddddd  -       -                            -          -  id only      dddddddddddd\n"
            "modbus        modbus  registry.example/modbus:1.0  docker    55  name, image  cccccccccccc  203.0.113.9, 2001:db8::9\n");
  EXPECT_EQ(run("containers --json --container modbus"), 0);
  EXPECT_EQ(nlohmann::json::parse(out_)["type"], "container");
}

TEST_F(Commands, DevicesByName) {
  flow::DeviceRecord gateway;
  gateway.device.id = "gateway-7";
  gateway.device.kind = flow::DeviceKind::gateway;
  gateway.device.sources = {"iot_hub"};
  script_ = {.window = {}, .windows = 0, .containers = {}, .devices = {full_device(), gateway}};
  EXPECT_EQ(run("devices --wide"), 0);
  EXPECT_EQ(out_,
            "DEVICE                    KIND          THROUGH  PATTERN               STATUS   SAID BY               ADDRESSES                                          NOTES\n"
            "gateway-7                 gateway       -        -                     -        iot_hub\n"
            "gateway-7/modbus/meter-9  manufactured  modbus   protocol translation  enabled  edgex, modbus_module  198.51.100.20:502, [2001:db8::20]:502, /dev/ttyS0  not deployed; edgex/meter-9 claims 198.51.100.20, too\n");
  EXPECT_EQ(run("devices --json --peer 198.51.100.0/24"), 0);
  EXPECT_EQ(nlohmann::json::parse(out_)["device"]["id"], "gateway-7/modbus/meter-9");  // and that line only
  EXPECT_EQ(run("devices --container modbus"), 0);
  EXPECT_THAT(out_, ::testing::Not(HasSubstr("gateway ")));
  script_.devices.clear();
  EXPECT_EQ(run("devices"), 0);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("no devices"));
}

std::string alert_json(const std::string& id, int severity, const std::string& last_time, const std::string& summary) {
  return R"({"type":"alert","id":")" + id + R"(","time":"2026-01-02T03:04:05Z","last_time":")" + last_time +
         R"(","class":"lateral_movement","rule":"scan","severity":)" + std::to_string(severity) +
         R"(,"gateway":"gw","subject":"modbus1","peer":"198.51.100.7","summary":")" + summary +
         R"(","count":3,"evidence":[{"type":"flow"}],"status":"open"})";
}

TEST_F(Commands, AlertsTheLatestFirst) {
  const auto older = alert_json("a-1", 2, "2026-01-02T03:04:06Z", "older");
  // Harmful in a terminal, though its JSON has no control character: it turns the text around.
  const auto later = alert_json("a-2", 4, "2026-01-02T03:04:06.5Z", "tried\\u001b[31m 40 ports \xe2\x80\xaetxt");
  script_ = {.window = {}, .windows = 0, .alerts = {older, later}};
  EXPECT_EQ(run("alerts"), 0);
  EXPECT_EQ(out_,
            "2026-01-02T03:04:06Z  high         lateral_movement      modbus1 -> 198.51.100.7  x3  open  a-2\n"
            "    tried?[31m 40 ports \xef\xbf\xbdtxt\n"
            "2026-01-02T03:04:06Z  low          lateral_movement      modbus1 -> 198.51.100.7  x3  open  a-1\n"
            "    older\n");
  EXPECT_EQ(err_, "");
  EXPECT_EQ(run("alerts --json"), 0);
  EXPECT_EQ(out_, later + "\n" + older + "\n");
  EXPECT_EQ(run("alerts --json --severity 3"), 0);
  EXPECT_EQ(out_, later + "\n");
  EXPECT_EQ(run("alerts --severity 5"), 0);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "iris-trace: no alerts: none of severity 5 or graver, 2 below\n");
  script_.alerts.push_back("{}");
  EXPECT_EQ(run("alerts"), 1);
}

TEST_F(Commands, NoAlertsSayWhy) {
  script_ = {.window = {}, .windows = 0, .agent = local::AgentStatus{}};
  EXPECT_EQ(run("alerts --json"), 0);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "iris-trace: no alerts: irisd ships to no collector, which would find them\n");
  script_.agent->uplink.emplace();
  script_.agent->uplink->fault = "the collector cannot be reached\x1b[31m";
  EXPECT_EQ(run("alerts"), 0);
  EXPECT_EQ(err_, "iris-trace: no alerts: irisd is not connected to its collector: the collector cannot be reached\xef\xbf\xbd[31m\n");
  script_.alerts = {alert_json("a-1", 2, "2026-01-02T03:04:06Z", "older")};
  EXPECT_EQ(run("alerts --json"), 0);
  EXPECT_EQ(out_, script_.alerts.front() + "\n");
  EXPECT_THAT(err_, HasSubstr("there may be newer alerts: irisd is not connected"));
  script_.agent->uplink->connected = true;
  EXPECT_EQ(run("alerts"), 0);
  EXPECT_EQ(err_, "");
  script_.alerts.clear();
  EXPECT_EQ(run("alerts"), 0);
  EXPECT_EQ(err_, "iris-trace: no alerts: the collector has told of none in the last 24 hours\n");
}

TEST_F(Commands, StatusAndSelfTest) {
  script_.windows = 0;
  script_.status.kernel_release = "6.1.0";
  script_.status.cgroup_mode = "v2";
  script_.status.cgroup_root = "/sys/fs/cgroup";
  script_.status.programs = {{"set_state", true, "", 1234, 10, 5000, 0}, {"mark_victim", false, "not in this kernel", 0, 0, 0, 0}};
  script_.status.map_bytes = {{"flows", 3 << 20}, {"ring", 4 << 20}};
  script_.status.runtimes = {{"docker", "/run/docker.sock", false, "no such file", 0}};
  EXPECT_EQ(run("status"), 0);
  for (const char* part : {"1 of 2 attached", "7.0 MiB in 2 maps", "complete", "docker not connected", "1,234", "500", "not in this kernel"}) {
    EXPECT_THAT(out_, HasSubstr(part));
  }
  EXPECT_EQ(run("status --json"), 0);
  const auto status = nlohmann::json::parse(out_);
  EXPECT_EQ(status["map_bytes_total"], 7 << 20);
  EXPECT_EQ(status["programs"][1]["detail"], "not in this kernel");
  EXPECT_EQ(status["ledger"]["type"], "ledger");

  steps_ = {{"connect", true, ""}, {"crash", false, "no record came"}};
  EXPECT_EQ(run("selftest"), 1);
  EXPECT_THAT(out_, HasSubstr("MISSED  crash      no record came\n"));
  EXPECT_THAT(out_, Not(HasSubstr("ready")));
  steps_[1].passed = true;
  EXPECT_EQ(run("selftest"), 0);
  EXPECT_THAT(out_, HasSubstr("ready\n"));
  steps_.clear();
  EXPECT_EQ(run("selftest"), 1) << "no step is no pass";
}

}  // namespace
}  // namespace iris::cli
