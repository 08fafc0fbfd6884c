// SPDX-License-Identifier: Apache-2.0
// Names from the runtimes: from one alone, from none, from one that comes back,
// and from one that is out of its mind.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <cstring>
#include <thread>

#include "attribution_test.h"

namespace iris::test {
namespace {

using ::testing::HasSubstr;

std::string hold(int milliseconds) { return std::string(" iris-actor hold ") + kPeer + " " + std::to_string(milliseconds); }

/// A unix socket that takes every connection and answers `words` to whatever
/// it hears, or nothing at all when there are none.
class FakeRuntime {
 public:
  explicit FakeRuntime(std::string words) : words_(std::move(words)), path_(directory_.path() + "/runtime.sock") {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd_, 16) != 0) {
      throw std::runtime_error("cannot listen on " + path_);
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeRuntime() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
    for (const int one : clients_) close(one);
  }
  FakeRuntime(const FakeRuntime&) = delete;
  FakeRuntime& operator=(const FakeRuntime&) = delete;

  const std::string& path() const { return path_; }
  int visits() const { return visits_; }

 private:
  void serve() {
    for (int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); client >= 0;
         client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) {
      ++visits_;
      if (words_.empty()) {
        clients_.push_back(client);  // and silence
        continue;
      }
      char heard[512];
      if (read(client, heard, sizeof heard) > 0) {
        [[maybe_unused]] const auto written = write(client, words_.data(), words_.size());
      }
      close(client);
    }
  }

  TempDirectory directory_;
  std::string words_;
  std::string path_;
  int fd_ = -1;
  std::vector<int> clients_;
  std::atomic<int> visits_{0};
  std::thread thread_;
};

class RuntimesTest : public AttributionTest {
 protected:
  static Json owner_of_connect(Trace& trace, const std::string& container_id) {
    return wait_for_line(trace, container_id, [&](const Json& line) {
      return is_of(line, "connect", container_id);
    }).at("owner");
  }

  static std::vector<std::string> with_sockets(std::vector<std::string> command, const std::string& docker_socket,
                                               const std::string& containerd_socket) {
    for (const std::string& word : {std::string("--docker-socket"), docker_socket, std::string("--containerd-socket"),
                                    containerd_socket}) {
      command.push_back(word);
    }
    return command;
  }

  /// With these sockets, names will never come: the connection of a container
  /// is there all the same, by id.
  static void expect_ids(Trace& trace) {
    const std::string id = run("--name nameless iris-actor:1" + hold(300));
    const Json owner = owner_of_connect(trace, id);
    EXPECT_EQ(owner.at("kind"), "container");
    EXPECT_EQ(owner.at("runtime"), "docker") << "the path says that much";
    EXPECT_TRUE(owner.at("name").is_null()) << owner;
    EXPECT_TRUE(owner.at("image").is_null()) << owner;
    EXPECT_TRUE(owner.at("labels").is_null()) << owner;
    docker("rm -f nameless");
  }

  /// status with these sockets; the entry of each runtime, by name. Long
  /// enough for a silent one to be noticed.
  static std::map<std::string, Json> runtime_status(const std::string& docker_socket,
                                                    const std::string& containerd_socket) {
    Child child(with_sockets({IRIS_TRACE_PATH, "status", "--json", "--for", "8"}, docker_socket, containerd_socket), Place{});
    EXPECT_EQ(child.wait(std::chrono::seconds(15)), 0) << child.err();
    std::map<std::string, Json> found;
    const auto lines = parse_lines(child.out());
    for (const Json& one : lines.at(0).at("runtimes")) found[one.at("runtime")] = one;
    return found;
  }

  static void expect_trouble(const std::string& socket) {
    auto status = runtime_status(socket, socket);
    for (const char* runtime : {"docker", "containerd"}) {
      const Json& one = status[runtime];
      ASSERT_TRUE(one.is_object()) << runtime;
      EXPECT_EQ(one.at("connected"), false) << one;
      EXPECT_EQ(one.at("endpoint"), socket);
      ASSERT_TRUE(one.at("detail").is_string()) << one;
      EXPECT_GT(one.at("detail").get<std::string>().size(), 10U) << "what is wrong: " << one;
    }
  }
};

/// A container that only containerd knows, as ctr and nerdctl make them.
class PlainContainer {
 public:
  PlainContainer(const PrivateEngine& engine, std::string name, const std::string& options, const std::string& command)
      : engine_(engine), name_(std::move(name)) {
    // The host's network is the engine's namespace here, where the peer is.
    engine_.ctr("-n default run -d --net-host --env PATH=/bin " + options + " --rootfs " + engine_.root_file_system() + " " + name_ + " " +
                command);
  }
  ~PlainContainer() {
    try {
      shell("ctr -a " + engine_.containerd_socket() + " -n default tasks delete --force " + name_ + "; ctr -a " +
            engine_.containerd_socket() + " -n default containers delete " + name_);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }

 private:
  const PrivateEngine& engine_;
  std::string name_;
};

TEST_F(RuntimesTest, ContainerdAloneNamesAPlainContainer) {
  const std::string name = "plain-" + std::to_string(getpid());
  PlainContainer container(engine(), name, "--label line=4 --env IOTEDGE_MODULEID=opc", "iris-actor wait");
  Trace trace(with_sockets(events_command(), engine().directory() + "/none.sock", engine().containerd_socket()), true);
  LineScanner scanner(trace, name);
  // Until containerd has confirmed it, /default/NAME could be any cgroup.
  Json owner;
  wait_until("the container's name", [&] {
    engine().ctr("-n default tasks exec --exec-id x" + std::to_string(rand()) + " " + name + hold(0));
    for (const Json& line : scanner.next()) {
      if (is_of(line, "connect", name)) owner = line.at("owner");
    }
    return owner.is_object() && owner.at("labels").is_object();
  });
  EXPECT_EQ(owner.at("kind"), "container");
  EXPECT_EQ(owner.at("name"), name);
  EXPECT_EQ(owner.at("runtime"), "containerd");
  EXPECT_EQ(owner.at("labels").at("line"), "4");
}

// Docker's socket is not there (for one, not mounted into our container):
// containerd knows its containers, though not their names.
TEST_F(RuntimesTest, ContainerdAloneKnowsModulesOfDockers) {
  const std::string id = run("--name modbus1 -e IOTEDGE_MODULEID=modbus1 -e IOTEDGE_DEVICEID=gateway-7 iris-actor:1 iris-actor wait");
  Trace trace(with_sockets(events_command(), engine().directory() + "/none.sock", engine().containerd_socket()), true);
  LineScanner scanner(trace, id);
  Json owner;
  wait_until("the module's identity", [&] {
    docker("exec modbus1" + hold(0));
    for (const Json& line : scanner.next()) {
      if (is_of(line, "connect", id)) owner = line.at("owner");
    }
    return owner.is_object() && owner.at("module_id").is_string();
  });
  EXPECT_EQ(owner.at("module_id"), "modbus1");
  EXPECT_EQ(owner.at("device_id"), "gateway-7");
  EXPECT_EQ(owner.at("runtime"), "docker");
}

TEST_F(RuntimesTest, NoRuntimeAtAllLeavesIds) {
  {
    SCOPED_TRACE("not asked");
    Trace trace(events_command(), false);
    expect_ids(trace);
  }
  {
    SCOPED_TRACE("no sockets");
    const std::string none = engine().directory() + "/none.sock";
    Trace trace(with_sockets(events_command(), none, none), true);
    expect_ids(trace);
  }
}

TEST_F(RuntimesTest, SocketThatAppearsLater) {
  TempDirectory directory;
  const std::string docker_socket = directory.path() + "/docker.sock";
  const std::string containerd_socket = directory.path() + "/containerd.sock";
  Trace trace(with_sockets(events_command(), docker_socket, containerd_socket), true);
  expect_ids(trace);
  shell("ln -s " + engine().docker_socket() + " " + docker_socket);
  shell("ln -s " + engine().containerd_socket() + " " + containerd_socket);
  wait_for_names(trace);
}

TEST_F(RuntimesTest, EngineRestartedMeanwhile) {
  const auto trace = start_trace(events_command());
  for (const char* daemon : {"dockerd", "containerd", "dockerd"}) {
    SCOPED_TRACE(daemon);
    engine().restart(daemon);
    wait_for_names(*trace);
    const std::string name = std::string("after-") + daemon;
    const std::string id = run("--name " + name + " --label life=new iris-actor:1" + hold(300));
    const Json owner = owner_of_connect(*trace, id);
    EXPECT_EQ(owner.at("name"), name);
    EXPECT_EQ(owner.at("labels").at("life"), "new");
    docker("rm -f " + name);
  }
  // And by containerd alone, whose stream of events broke with it.
  const std::string plain = "reborn-" + std::to_string(getpid());
  Trace alone(with_sockets(events_command(), engine().directory() + "/none.sock", engine().containerd_socket()), true);
  LineScanner scanner(alone, plain);
  engine().restart("containerd");
  PlainContainer container(engine(), plain, "--label life=new", "iris-actor wait");
  wait_until("the plain container's label", [&] {
    engine().ctr("-n default tasks exec --exec-id x" + std::to_string(rand()) + " " + plain + hold(0));
    const auto lines = scanner.next();
    return std::any_of(lines.begin(), lines.end(), [&plain](const Json& line) {
      return is_of(line, "connect", plain) && line.at("owner").at("labels").is_object();
    });
  });
}

TEST_F(RuntimesTest, RuntimeThatHangs) {
  FakeRuntime runtime("");
  Trace trace(with_sockets(events_command(), runtime.path(), runtime.path()), true);
  expect_ids(trace);
  EXPECT_GT(runtime.visits(), 0) << "it was not asked at all";
  stop(trace);  // within the harness's patience, with exit code 0
  expect_trouble(runtime.path());
}

TEST_F(RuntimesTest, RuntimeThatTalksNonsense) {
  for (const char* words : {"banana\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nApi-Version: 1.41\r\n\r\n[{]}",
                            "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n"}) {
    SCOPED_TRACE(words);
    FakeRuntime runtime(words);
    Trace trace(with_sockets(events_command(), runtime.path(), runtime.path()), true);
    expect_ids(trace);
    EXPECT_GT(runtime.visits(), 0) << "it was not asked at all";
    stop(trace);
    expect_trouble(runtime.path());
  }
}

TEST_F(RuntimesTest, StatusOfHealthyOnes) {
  auto status = runtime_status(engine().docker_socket(), engine().containerd_socket());
  EXPECT_EQ(status["docker"].at("connected"), true) << status["docker"];
  EXPECT_EQ(status["containerd"].at("connected"), true) << status["containerd"];
  EXPECT_THAT(status["docker"].at("detail").get<std::string>(), HasSubstr("."));  // a version
}

}  // namespace
}  // namespace iris::test
