// SPDX-License-Identifier: Apache-2.0
// The clients against servers that misbehave. What they do with real daemons
// is in tests/container/runtimes.
#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "../enrich/temporary_directory.h"
#include "hostile_server.h"
#include "runtimes/containerd_client.h"
#include "runtimes/docker_client.h"

namespace iris::runtimes {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test_support::HostileServer;
using Connection = HostileServer::Connection;

const std::string kPing = HostileServer::answer("OK", "200 OK", "Api-Version: 1.41\r\nServer: Docker/20.10 (linux)\r\n");
const std::string kStream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

bool asks(const std::string& request, const std::string& path) { return request.find(path) != std::string::npos; }

class Recorder final : public enrich::RuntimeListener {
 public:
  void on_container(enrich::ContainerInfo info) override {
    const std::lock_guard lock(mutex_);
    ++infos;
    last[info.id] = std::move(info);
    changed_.notify_all();
  }
  void on_removed(std::string id, std::string) override {
    const std::lock_guard lock(mutex_);
    removed.push_back(id);
    last.erase(id);
    changed_.notify_all();
  }
  void on_status(enrich::RuntimeStatus status) override {
    const std::lock_guard lock(mutex_);
    statuses.push_back(std::move(status));
    changed_.notify_all();
  }
  template <typename Condition>
  bool wait(Condition condition, std::chrono::milliseconds limit = 10s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, condition);
  }
  bool wait_for_detail(const std::string& part) {
    return wait([&] {
      for (const auto& status : statuses) {
        if (status.detail.find(part) != std::string::npos) return true;
      }
      return false;
    });
  }
  bool wait_connected() {
    return wait([&] { return !statuses.empty() && statuses.back().connected; });
  }

  std::map<std::string, enrich::ContainerInfo> last;
  std::vector<std::string> removed;
  std::vector<enrich::RuntimeStatus> statuses;
  int infos = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class ClientsTest : public ::testing::Test {
 protected:
  std::string socket() { return directory_ / "x.sock"; }
  template <typename Client>
  std::unique_ptr<Client> start() {
    auto client = std::make_unique<Client>(socket());
    client->start(recorder_);
    return client;
  }
  template <typename Client>
  void expect_quick_stop(Client& client) {
    const auto before = steady_clock::now();
    client.stop();
    EXPECT_LT(steady_clock::now() - before, 1s);
  }
  test_support::TemporaryDirectory directory_;
  Recorder recorder_;
};

TEST_F(ClientsTest, DockerEventIsHandedOnBeforeTheInspectionAnswers) {
  std::atomic<bool> inspected{false};
  std::atomic<bool> release{false};
  HostileServer server(socket(), [&](const std::string& request, const Connection& connection) {
    if (asks(request, "/_ping")) return connection.send(kPing);
    if (asks(request, "/containers/json")) return connection.send(HostileServer::answer("[]"));
    if (asks(request, "/events")) {
      return connection.send(kStream) &&
             connection.send(HostileServer::chunk(R"({"Type":"container","Action":"create","Act)")) &&
             connection.send(HostileServer::chunk(
                 "or\":{\"ID\":\"abc\",\"Attributes\":{\"name\":\"short\",\"image\":\"i:1\",\"site\":\"a\"}}}\n"));
    }
    inspected = true;
    while (!release) std::this_thread::sleep_for(1ms);
    return connection.send(HostileServer::answer(
        R"({"Id":"abc","Name":"/short","State":{"Running":true,"Pid":9},"Config":{"Image":"i:1"}})"));
  });
  const auto client = start<DockerClient>();
  ASSERT_TRUE(recorder_.wait([&] { return recorder_.last.contains("abc"); }));
  EXPECT_EQ(recorder_.last["abc"].name, "short");
  EXPECT_EQ(recorder_.last["abc"].image, "i:1");
  EXPECT_EQ(recorder_.last["abc"].labels["site"], "a");
  EXPECT_EQ(recorder_.last["abc"].pid, 0U);
  release = true;
  EXPECT_TRUE(recorder_.wait([&] { return recorder_.last["abc"].pid == 9; }));
  EXPECT_TRUE(inspected);
  ASSERT_TRUE(recorder_.wait_connected());
  EXPECT_EQ(recorder_.statuses.back().detail, "Docker/20.10 (linux), API 1.41");
  expect_quick_stop(*client);
  for (const std::string& request : server.requests()) {
    EXPECT_TRUE(request.starts_with("GET /_ping ") || request.starts_with("GET /v1.41/")) << request;
  }
}

TEST_F(ClientsTest, DockerConnectionLostMeansListAgainAndTellWhatVanished) {
  std::atomic<int> lists{0};
  HostileServer server(socket(), [&](const std::string& request, const Connection& connection) {
    if (asks(request, "/_ping")) return connection.send(kPing);
    if (asks(request, "/events")) {
      connection.send(kStream);
      if (lists > 1) return true;
      std::this_thread::sleep_for(200ms);
      return false;  // closed in the middle
    }
    if (asks(request, "/containers/json")) {
      ++lists;
      const char* both = R"([{"Id":"one","Names":["/one"],"State":"exited"},{"Id":"two","Names":["/two"],"State":"exited"}])";
      const char* rest = R"([{"Id":"two","Names":["/two"],"State":"exited"}])";
      return connection.send(HostileServer::answer(lists == 1 ? both : rest));
    }
    return connection.send(HostileServer::answer(R"({"message":"no such container"})", "404 Not Found"));
  });
  const auto client = start<DockerClient>();
  ASSERT_TRUE(recorder_.wait([&] { return !recorder_.removed.empty(); }));
  EXPECT_THAT(recorder_.removed, ::testing::ElementsAre("one"));
  EXPECT_TRUE(recorder_.last.contains("two"));
  ASSERT_TRUE(recorder_.wait_connected());
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, DockerSilenceDoesNotHoldUpStop) {
  HostileServer server(socket(), [](const std::string&, const Connection&) { return true; });
  const auto client = start<DockerClient>();
  while (server.requests().empty()) std::this_thread::sleep_for(1ms);
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, DockerSilenceIsSaid) {
  HostileServer server(socket(), [](const std::string&, const Connection&) { return true; });
  const auto client = start<DockerClient>();
  EXPECT_TRUE(recorder_.wait_for_detail("the daemon hangs"));
}

TEST_F(ClientsTest, DockerNonsenseIsSaid) {
  HostileServer server(socket(), [](const std::string&, const Connection& connection) {
    connection.send("SSH-2.0-x\r\n\r\n");
    return false;
  });
  const auto client = start<DockerClient>();
  ASSERT_TRUE(recorder_.wait([&] { return !recorder_.statuses.empty(); }));
  EXPECT_FALSE(recorder_.statuses[0].connected);
  EXPECT_NE(recorder_.statuses[0].detail, "");
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, DockerOtherHttpServerIsSaid) {
  HostileServer server(socket(), [](const std::string&, const Connection& connection) {
    return connection.send(HostileServer::answer("<html>hello</html>"));
  });
  const auto client = start<DockerClient>();
  EXPECT_TRUE(recorder_.wait_for_detail("not the Docker API"));
}

TEST_F(ClientsTest, DockerEndlessAnswerIsCutOff) {
  HostileServer server(socket(), [](const std::string& request, const Connection& connection) {
    if (asks(request, "/_ping")) return connection.send(kPing);
    if (asks(request, "/events")) return connection.send(kStream);
    connection.send(kStream);
    const std::string piece = HostileServer::chunk(std::string(1 << 20, '['));
    while (connection.send(piece)) {
    }
    return false;
  });
  const auto client = start<DockerClient>();
  EXPECT_TRUE(recorder_.wait_for_detail("larger than"));
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, DockerNonsenseAmongTheEventsIsSkipped) {
  HostileServer server(socket(), [](const std::string& request, const Connection& connection) {
    if (asks(request, "/_ping")) return connection.send(kPing);
    if (asks(request, "/containers/json")) return connection.send(HostileServer::answer("[]"));
    if (asks(request, "/events")) {
      connection.send(kStream);
      connection.send(HostileServer::chunk("\xff\xfe garbage\n{\"Type\":\n\n"));
      connection.send(HostileServer::chunk(std::string(3 << 20, 'x') + "\n"));
      return connection.send(HostileServer::chunk(
          R"({"Type":"container","Action":"start","Actor":{"ID":"ok","Attributes":{"name":"fine"}}})" "\n"));
    }
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"Id\":");
    return false;  // closed in the middle of the inspection
  });
  const auto client = start<DockerClient>();
  ASSERT_TRUE(recorder_.wait([&] { return recorder_.last.contains("ok"); }));
  EXPECT_EQ(recorder_.last["ok"].name, "fine");
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, DockerEndIsTheEndEvenIfTheInspectionIsStale) {
  HostileServer server(socket(), [](const std::string& request, const Connection& connection) {
    if (asks(request, "/_ping")) return connection.send(kPing);
    if (asks(request, "/containers/json")) return connection.send(HostileServer::answer("[]"));
    if (asks(request, "/events")) {
      connection.send(kStream);
      connection.send(HostileServer::chunk(
          R"({"Type":"container","Action":"start","Actor":{"ID":"abc","Attributes":{"name":"x"}}})" "\n"));
      std::this_thread::sleep_for(100ms);
      return connection.send(HostileServer::chunk(
          R"({"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"name":"x"}}})" "\n"));
    }
    std::this_thread::sleep_for(300ms);
    return connection.send(HostileServer::answer(
        R"({"Id":"abc","Name":"/x","State":{"Running":true,"Pid":9},"Config":{"Image":"late"}})"));
  });
  const auto client = start<DockerClient>();
  ASSERT_TRUE(recorder_.wait([&] { return recorder_.last["abc"].image == "late"; }));
  EXPECT_EQ(recorder_.last["abc"].pid, 0U);
}

TEST_F(ClientsTest, DockerThatFindsUsTooOldIsAskedWithoutAVersion) {
  HostileServer server(socket(), [](const std::string& request, const Connection& connection) {
    if (asks(request, "/_ping")) {
      return connection.send(HostileServer::answer("OK", "200 OK", "Api-Version: 1.99\r\n"));
    }
    if (asks(request, "/v1.")) {
      return connection.send(HostileServer::answer(
          R"({"message":"client version 1.47 is too old. Minimum supported API version is 1.90"})", "400 Bad Request"));
    }
    if (asks(request, "/events")) return connection.send(kStream);
    return connection.send(HostileServer::answer("[]"));
  });
  const auto client = start<DockerClient>();
  EXPECT_TRUE(recorder_.wait_connected());
}

TEST_F(ClientsTest, DockerSocketWithoutServerIsSaid) {
  { HostileServer server(socket(), [](const std::string&, const Connection&) { return false; }); }
  const auto client = start<DockerClient>();
  EXPECT_TRUE(recorder_.wait_for_detail("not running"));
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, ContainerdSilenceDoesNotHoldUpStop) {
  HostileServer server(socket(), [](const std::string&, const Connection&) { return true; });
  const auto client = start<ContainerdClient>();
  while (server.connections() == 0) std::this_thread::sleep_for(1ms);
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, ContainerdSilenceIsSaid) {
  HostileServer server(socket(), [](const std::string&, const Connection&) { return true; });
  const auto client = start<ContainerdClient>();
  EXPECT_TRUE(recorder_.wait_for_detail("the daemon hangs"));
}

TEST_F(ClientsTest, ContainerdNonsenseIsSaid) {
  HostileServer server(socket(), [](const std::string&, const Connection& connection) {
    connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    return false;
  });
  const auto client = start<ContainerdClient>();
  ASSERT_TRUE(recorder_.wait([&] { return !recorder_.statuses.empty(); }));
  EXPECT_FALSE(recorder_.statuses[0].connected);
  EXPECT_NE(recorder_.statuses[0].detail, "");
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, ContainerdSocketWithoutServerIsSaid) {
  { HostileServer server(socket(), [](const std::string&, const Connection&) { return false; }); }
  const auto client = start<ContainerdClient>();
  EXPECT_TRUE(recorder_.wait_for_detail("the daemon does not answer"));
  expect_quick_stop(*client);
}

TEST_F(ClientsTest, StartedAndStoppedAtOnce) {
  for (int i = 0; i < 10; ++i) {
    const auto docker = start<DockerClient>();
    const auto containerd = start<ContainerdClient>();
  }
}

}  // namespace
}  // namespace iris::runtimes
