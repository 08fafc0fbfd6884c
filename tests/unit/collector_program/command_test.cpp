// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/unique_fd.h"
#include "temporary_directory.h"
#include "wire/record_file.h"

namespace iris::collector {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

struct Ended {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// The built program, run as its users run it.
class CommandTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const pid_t pid : running_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }

  pid_t start(std::vector<std::string> arguments, const std::string& name, std::vector<std::string> more_environment = {}) {
    arguments.insert(arguments.begin(), IRIS_COLLECTOR);
    more_environment.emplace_back("PATH=/usr/bin:/bin");
    for (const char* passed : {"TSAN_OPTIONS", "ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = std::getenv(passed)) more_environment.push_back(std::string(passed) + "=" + value);
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (const int fd : {1, 2}) {
      const std::string path = directory_.path() / (name + (fd == 1 ? ".out" : ".err"));
      posix_spawn_file_actions_addopen(&actions, fd, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, IRIS_COLLECTOR, &actions, nullptr, pointers(arguments).data(), pointers(more_environment).data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    running_.push_back(pid);
    return pid;
  }

  int wait(pid_t pid, milliseconds limit) {
    const auto end = steady_clock::now() + limit;
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
      if (steady_clock::now() > end) {
        ADD_FAILURE() << "still running";
        return -1;
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    std::erase(running_, pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  Ended run(std::vector<std::string> arguments, std::vector<std::string> more_environment = {}) {
    Ended ended;
    ended.exit_code = wait(start(std::move(arguments), "run", std::move(more_environment)), milliseconds(10'000));
    ended.out = content_of(directory_.path() / "run.out");
    ended.err = content_of(directory_.path() / "run.err");
    return ended;
  }

  std::vector<std::string> with_data(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data-dir", data_.string()});
    return arguments;
  }

  /// `serve` on free ports; its REST port once it is ready.
  int serve(pid_t& pid, std::vector<std::string> more = {}, std::vector<std::string> environment = {}) {
    auto arguments = with_data({"serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    pid = start(arguments, "serve", std::move(environment));
    const auto end = steady_clock::now() + std::chrono::seconds(10);
    while (steady_clock::now() < end) {
      const auto log = content_of(directory_.path() / "serve.err");
      const std::string mark = "REST on http://127.0.0.1:";
      if (const auto at = log.find(mark); at != std::string::npos && log.find('\n', at) != std::string::npos) {
        return std::stoi(log.substr(at + mark.size()));
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    ADD_FAILURE() << "not ready: " << content_of(directory_.path() / "serve.err");
    return 0;
  }

  TemporaryDirectory directory_;
  const std::filesystem::path data_ = directory_.path() / "data";

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  }

  std::vector<pid_t> running_;
};

TEST_F(CommandTest, HelpAndVersionSayWhatIsNeeded) {
  EXPECT_THAT(run({"--version"}).out, ::testing::MatchesRegex("iris-collector [0-9.]+\n"));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{}, {"serve"}, {"gateway"}, {"gateway", "add"}, {"gateway", "list"}, {"gateway", "revoke"}, {"gateways"}}) {
    auto arguments = command;
    arguments.emplace_back("--help");
    const auto ended = run(arguments);
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.out, HasSubstr("examples:"));
  }
}

TEST_F(CommandTest, WrongUsageIsTwo) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"frob"}, {"gateway"}, {"gateway", "add"}, {"serve", "--colour"}, {"gateway", "add", "a/b"},
        {"gateway", "add", "two words"}, {"gateway", "add", std::string(65, 'a')}, {"serve", "--listen", "nowhere"},
        {"serve", "--insecure", "--listen", "0.0.0.0:0"}, {"serve", "--config", "/no/such/file"}}) {
    const auto ended = run(arguments);
    EXPECT_EQ(ended.exit_code, 2) << ::testing::PrintToString(arguments);
    EXPECT_FALSE(ended.err.empty());
    EXPECT_TRUE(ended.out.empty());
  }
}

TEST_F(CommandTest, AddPrintsTheTokenAloneAndOnce) {
  const auto added = run(with_data({"gateway", "add", "plant-7"}));
  EXPECT_EQ(added.exit_code, 0) << added.err;
  EXPECT_THAT(added.out, ::testing::MatchesRegex("iris_[0-9a-f]+\n"));
  EXPECT_EQ(added.out.size(), 70U);
  EXPECT_EQ(run(with_data({"gateway", "add", "plant-7"})).exit_code, 1);
  const auto again = json::parse(run(with_data({"gateway", "add", "plant-8", "--json"})).out);
  EXPECT_EQ(again.at("name"), "plant-8");
  EXPECT_NE(again.at("token").get<std::string>() + "\n", added.out);

  const auto list = run(with_data({"gateway", "list"}));
  EXPECT_THAT(list.out, HasSubstr("plant-7"));
  EXPECT_THAT(list.out, ::testing::Not(HasSubstr(added.out.substr(5, 64))));
  EXPECT_EQ(run(with_data({"gateways"})).out, list.out);
}

TEST_F(CommandTest, RevokeShowsInTheList) {
  run(with_data({"gateway", "add", "plant-7"}));
  EXPECT_EQ(run(with_data({"gateway", "revoke", "nobody"})).exit_code, 1);
  EXPECT_EQ(run(with_data({"gateway", "revoke", "plant-7"})).exit_code, 0);
  const auto line = json::parse(run(with_data({"gateways", "--json"})).out);
  EXPECT_EQ(line.at("name"), "plant-7");
  EXPECT_EQ(line.at("revoked"), true);
}

TEST_F(CommandTest, ListMakesNoStore) {
  EXPECT_EQ(run(with_data({"gateway", "list"})).exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(CommandTest, ServesWithoutAnySetUpAndEndsOnSigterm) {
  pid_t pid = 0;
  const int port = serve(pid);
  const auto token = content_of(data_ / "api-token");
  httplib::Client client("127.0.0.1", port);
  const httplib::Headers headers{{"Authorization", "Bearer " + token.substr(0, token.find('\n'))}};
  EXPECT_EQ(client.Get("/readyz")->status, 200);
  EXPECT_EQ(client.Get("/api/v1/gateways")->status, 401);

  // A second one on the same store is refused, but gateways can be added beside it.
  const auto second = run(with_data({"serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"}));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("process " + std::to_string(pid)));
  EXPECT_EQ(run(with_data({"gateway", "add", "late"})).exit_code, 0);
  const auto gateways = client.Get("/api/v1/gateways", headers);
  ASSERT_TRUE(gateways);
  EXPECT_EQ(json::parse(gateways->body).at("gateways")[0].at("name"), "late");
  EXPECT_THAT(client.Get("/metrics", headers)->body, HasSubstr("iris_store_up 1\n"));

  const auto log = content_of(directory_.path() / "serve.err");
  EXPECT_THAT(log, HasSubstr((data_ / "tls-certificate.pem").string()));
  EXPECT_THAT(log, ::testing::Not(HasSubstr(token.substr(5, 64))));
  const auto begin = steady_clock::now();
  ::kill(pid, SIGTERM);
  EXPECT_EQ(wait(pid, milliseconds(5'000)), 0);
  EXPECT_LT(steady_clock::now() - begin, milliseconds(5'000));
}

TEST_F(CommandTest, EndsOnSigintAndStartsAgainWithTheSameTokens) {
  pid_t pid = 0;
  serve(pid, {"--insecure"});
  const auto token = content_of(data_ / "api-token");
  EXPECT_FALSE(std::filesystem::exists(data_ / "tls-key.pem"));
  ::kill(pid, SIGINT);
  EXPECT_EQ(wait(pid, milliseconds(5'000)), 0);
  serve(pid);
  EXPECT_EQ(content_of(data_ / "api-token"), token);
  ::kill(pid, SIGTERM);
  EXPECT_EQ(wait(pid, milliseconds(5'000)), 0);
}

/// A module that tries a port on a whole network, and a device that is refused by IoT Hub.
void write_incident(const std::string& path) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kStart = 1'767'323'040 * kSecond;
  const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  wire::RecordFileWriter writer(wire::write_to(file.get()), {"gateway-7", "6.1.0", kStart, "0.1.0"});
  flow::Owner module;
  module.kind = flow::OwnerKind::container;
  module.cgroup_id = 4711;
  module.name = module.module_id = "modbus1";
  module.image = "registry.example/modbus:1.0";
  const auto owner = std::make_shared<const flow::Owner>(module);
  flow::DeviceRecord device;
  device.device.id = "thermostat";
  device.device.tags = R"({"site":"plant-a"})";
  device.wall_ns = kStart;
  ASSERT_TRUE(writer.write(device));
  for (std::uint64_t window = 0; window < 6; ++window) {
    const std::uint64_t start = kStart + window * 10 * kSecond;
    for (int host = 1; host <= 40; ++host) {
      flow::FlowRecord flow;
      flow.window_start_wall_ns = flow.first_seen_wall_ns = start;
      flow.window_end_wall_ns = flow.last_seen_wall_ns = start + 10 * kSecond;
      flow.owner = owner;
      flow.protocol = 6;
      flow.local_address = base::IpAddress::parse("10.0.0.5");
      flow.peer_address = base::IpAddress::parse("10.0." + std::to_string(window + 1) + "." + std::to_string(host));
      flow.service_port = 502;
      flow.scope = flow::Scope::site;
      flow.opened = 1;
      flow.failed = {1, 0, 0, 0, 0, 0};
      flow.attribution = flow::Attribution::exact;
      ASSERT_TRUE(writer.write(flow));
    }
    if (window == 2) {
      flow::SecurityRecord knock;
      knock.wall_ns = start;
      knock.device_id = knock.device = "thermostat";
      knock.code = "401003";
      ASSERT_TRUE(writer.write(knock));
    }
    flow::Ledger ledger;
    ledger.window_start_wall_ns = start;
    ledger.window_end_wall_ns = start + 10 * kSecond;
    ledger.produced = ledger.delivered = 40;
    ASSERT_TRUE(writer.write(ledger));
  }
  ASSERT_TRUE(writer.finish(kStart + 60 * kSecond));
}

TEST_F(CommandTest, ReplayJudgesARecordingTheSameEachTime) {
  const std::string path = directory_.path() / "incident.iris";
  write_incident(path);
  const auto first = run({"replay", path, "--json"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(run({"replay", path, "--json"}).out, first.out);
  std::map<std::string, json> by_class;
  std::istringstream lines(first.out);
  for (std::string line; std::getline(lines, line);) {
    auto alert = json::parse(line);
    by_class.emplace(alert.at("class"), alert);
  }
  ASSERT_TRUE(by_class.contains("lateral_movement")) << first.out;
  const auto& scan = by_class["lateral_movement"];
  EXPECT_EQ(scan.at("type"), "alert");
  EXPECT_EQ(scan.at("gateway"), "gateway-7");
  EXPECT_EQ(scan.at("owner").at("module_id"), "modbus1");
  EXPECT_EQ(scan.at("status"), "open");
  EXPECT_FALSE(scan.at("evidence").empty());
  EXPECT_FALSE(scan.at("attack_techniques").empty());
  ASSERT_TRUE(by_class.contains("unauthorized_access")) << first.out;
  EXPECT_EQ(by_class["unauthorized_access"].at("device").at("tags").at("site"), "plant-a");

  const auto text = run({"replay", path});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, HasSubstr("lateral_movement"));
  EXPECT_THAT(text.err, HasSubstr("alert"));
}

TEST_F(CommandTest, ReplayOfWhatIsNoRecordingIsAnError) {
  const std::string path = directory_.path() / "incident.iris";
  write_incident(path);
  ASSERT_EQ(::truncate(path.c_str(), 200), 0);
  const auto cut = run({"replay", path, "--json"});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_THAT(cut.err, HasSubstr("incident.iris"));
  EXPECT_EQ(run({"replay", "/nonexistent"}).exit_code, 1);
  EXPECT_EQ(run({"replay", IRIS_COLLECTOR}).exit_code, 1);
  EXPECT_EQ(run({"replay"}).exit_code, 2);
}

TEST_F(CommandTest, TellsTheServiceManager) {
  const std::string path = directory_.path() / "notify";
  const base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const timeval timeout{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  const auto next = [&socket] {
    std::string text(4'096, '\0');
    const ssize_t length = ::recv(socket.get(), text.data(), text.size(), 0);
    text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    return text;
  };
  pid_t pid = 0;
  serve(pid, {"--insecure"}, {"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=300000"});
  EXPECT_THAT(next(), HasSubstr("READY=1"));
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  ::kill(pid, SIGTERM);
  std::string last;
  while ((last = next()) == "WATCHDOG=1") {
  }
  EXPECT_THAT(last, HasSubstr("STOPPING=1"));
  EXPECT_EQ(wait(pid, milliseconds(5'000)), 0);
}

TEST_F(CommandTest, ReadsItsFileAndItsEnvironment) {
  const auto config = directory_.write("c.toml", "data_dir = \"" + data_.string() + "\"\n");
  EXPECT_EQ(run({"gateway", "add", "one", "--config", config}).exit_code, 0);
  const auto list = run({"gateways", "--json"}, {"IRIS_COLLECTOR_CONFIG=" + config});
  EXPECT_EQ(json::parse(list.out).at("name"), "one");
  const auto faulty = directory_.write("f.toml", "listen = 1\nbad = 2\n");
  const auto ended = run({"serve", "--config", faulty});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("f.toml:1"));
  EXPECT_THAT(ended.err, HasSubstr("f.toml:2"));
}

}  // namespace
}  // namespace iris::collector
