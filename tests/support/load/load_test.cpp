// SPDX-License-Identifier: Apache-2.0
// Client and server of iris-load in a network namespace of their own: both
// truths must agree, and each failure must be the one that was made.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using Json = nlohmann::json;

const char* const kV4 = "127.0.0.1:8080";
const char* const kV6 = "[::1]:8080";

/// One run of iris-load, its stdout caught.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    arguments.insert(arguments.begin(), IRIS_LOAD_PATH);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Program() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(out_);
    close(err_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void wait_ready() const {
    std::string text;
    char byte = 0;
    while (text.find("ready\n") == std::string::npos && read(err_, &byte, 1) == 1) text += byte;
    ASSERT_NE(text.find("ready\n"), std::string::npos) << text;
  }

  /// Its truth, once it has ended (`stop`: is asked to).
  Json truth(bool stop = false) {
    if (stop) kill(pid_, SIGTERM);
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = read(out_, piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    return Json::parse(text, nullptr, false);
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
};

Json run(std::vector<std::string> arguments) { return Program(std::move(arguments)).truth(); }

class Load : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "needs root";
    ASSERT_EQ(std::system("ip link set lo up && echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets"), 0);
    // Frames for a neighbour that is not there: the far end of a pair that nobody reads.
    ASSERT_EQ(std::system("ip link add hole type veth peer name bottom && ip link set bottom up && "
                          "ip link set hole up && ip address add 198.51.100.1/24 dev hole && "
                          "ip neighbour add 198.51.100.7 lladdr 02:00:00:00:00:07 dev hole"),
              0);
  }
};

void expect_agreement(const Json& client, const Json& server) {
  EXPECT_EQ(client["established"], server["accepted"]);
  EXPECT_EQ(client["bytes_sent"], server["bytes_received"]);
  EXPECT_EQ(client["bytes_received"], server["bytes_sent"]);
}

TEST_F(Load, BothEndsOfTcpAgree) {
  for (const std::string closer : {"client", "server"}) {
    Program server({"tcp-server", "--listen", kV4, "--listen", kV6, "--request", "100", "--reply", "3000", "--close", closer,
                    "--threads", "2"});
    server.wait_ready();
    const Json client = run({"tcp", "--to", kV4, "--to", kV6, "--connections", "5001", "--threads", "3", "--send", "100",
                             "--receive", "3000", "--close", closer});
    const Json seen = server.truth(true);
    expect_agreement(client, seen);
    EXPECT_EQ(client["attempts"], 5001);
    EXPECT_EQ(client["closed"], 5001);
    EXPECT_EQ(seen["closed"], 5001);
    EXPECT_EQ(client["short_replies"], 0);
    EXPECT_EQ(client["bytes_sent"], 5001 * 100);
    EXPECT_EQ(client["bytes_received"], 5001 * 3000);
    EXPECT_EQ(client["targets"][0]["established"], 2501);
    EXPECT_EQ(client["targets"][1]["established"], 2500);
  }
}

TEST_F(Load, RefusedIsCountedByWhatCameBack) {
  const Json refused = run({"refused", "--to", "127.0.0.1:1", "--to", "[::1]:1", "--connections", "301"});
  EXPECT_EQ(refused["failed"]["refused"], 301);
  EXPECT_EQ(refused["errors"]["ECONNREFUSED"], 301);
  // The same command where somebody does listen counts no refusal.
  Program server({"tcp-server", "--listen", kV4});
  server.wait_ready();
  const Json accepted = run({"refused", "--to", kV4, "--connections", "10"});
  EXPECT_EQ(accepted["failed"]["refused"], 0);
  EXPECT_EQ(accepted["established"], 10);
}

TEST_F(Load, TimeoutAndGivingUp) {
  const Json timeout = run({"timeout", "--to", "198.51.100.7:80", "--connections", "50"});
  EXPECT_EQ(timeout["failed"]["timed_out"], 50);
  EXPECT_EQ(timeout["given_up"], 0);
  EXPECT_LT(timeout["seconds"], 10.0);
  const Json given_up = run({"timeout", "--to", "198.51.100.7:80", "--connections", "50", "--give-up-ms", "100"});
  EXPECT_EQ(given_up["given_up"], 50);
  EXPECT_EQ(given_up["failed"]["timed_out"], 0);
  EXPECT_LT(given_up["seconds"], 2.0);
}

TEST_F(Load, UnreachableIsSynchronous) {
  const Json truth = run({"unreachable", "--to", "203.0.113.1", "--to", "2001:db8::1", "--connections", "20"});
  EXPECT_EQ(truth["failed"]["unreachable"], 20);
}

TEST_F(Load, ResetIsSeenByBothEnds) {
  Program server({"tcp-server", "--listen", kV4, "--reset"});
  server.wait_ready();
  const Json client = run({"reset", "--to", kV4, "--connections", "2000", "--threads", "2"});
  const Json seen = server.truth(true);
  EXPECT_EQ(client["failed"]["reset"], 2000);
  EXPECT_EQ(client["established"], 2000);
  EXPECT_EQ(seen["reset_sent"], 2000);
}

TEST_F(Load, BothEndsOfUdpAgree) {
  Program server({"udp-server", "--listen", kV4, "--listen", kV6});
  server.wait_ready();
  const Json plain = run({"udp", "--to", kV4, "--to", kV6, "--pairs", "501", "--size", "700"});
  const Json connected = run({"udp", "--to", kV4, "--pairs", "500", "--size", "1", "--connected", "--threads", "2"});
  const Json seen = server.truth(true);
  EXPECT_EQ(plain["datagrams_sent"], 501);
  EXPECT_EQ(plain["datagrams_received"], 501);
  EXPECT_EQ(connected["datagrams_received"], 500);
  EXPECT_EQ(seen["datagrams_received"], 1001);
  EXPECT_EQ(seen["bytes_received"], 501 * 700 + 500);
  EXPECT_EQ(seen["bytes_sent"], 501 * 700 + 500);
}

TEST_F(Load, BulkAndIdle) {
  Program server({"tcp-server", "--listen", kV4});
  server.wait_ready();
  const Json bulk = run({"bulk", "--to", kV4, "--bytes", "50000001"});
  const Json idle = run({"idle", "--to", kV4, "--connections", "40", "--for", "1", "--trickle-bytes-per-s", "1000"});
  const Json seen = server.truth(true);
  EXPECT_EQ(bulk["bytes_sent"], 50'000'001);
  EXPECT_EQ(idle["closed"], 40);
  EXPECT_GE(idle["bytes_sent"], 40 * 900);
  EXPECT_GE(idle["seconds"], 1.0);
  EXPECT_EQ(seen["accepted"], 41);
  EXPECT_EQ(seen["bytes_received"].get<std::uint64_t>(),
            bulk["bytes_sent"].get<std::uint64_t>() + idle["bytes_sent"].get<std::uint64_t>());
}

TEST_F(Load, MixedIsTheSumOfItsParts) {
  Program server({"tcp-server", "--listen", kV4, "--listen", kV6});
  Program resetting({"tcp-server", "--listen", "127.0.0.1:8081", "--reset"});
  server.wait_ready();
  resetting.wait_ready();
  const Json truth = run({"mixed", "--to", kV4, "--to", kV6, "--connections", "1000", "--send", "10", "--refused", "200",
                          "--refused-to", "[::1]:1", "--timeout", "30", "--timeout-to", "198.51.100.7:80", "--unreachable",
                          "40", "--unreachable-to", "203.0.113.1", "--reset", "50", "--reset-to", "127.0.0.1:8081"});
  EXPECT_EQ(truth["attempts"], 1000 + 200 + 30 + 40 + 50);
  EXPECT_EQ(truth["closed"], 1000);
  EXPECT_EQ(truth["failed"]["refused"], 200);
  EXPECT_EQ(truth["failed"]["timed_out"], 30);
  EXPECT_EQ(truth["failed"]["unreachable"], 40);
  EXPECT_EQ(truth["failed"]["reset"], 50);
  EXPECT_EQ(truth["parts"]["refused"]["failed"]["refused"], 200);
  EXPECT_EQ(server.truth(true)["bytes_received"], 10'000);
}

TEST_F(Load, DeathsAreThoseOfTheWaitStatus) {
  EXPECT_EQ(run({"exits", "--count", "20", "--code", "3"})["deaths"], (Json{{"3", 20}}));
  EXPECT_EQ(run({"exits", "--count", "20", "--segv"})["deaths"], (Json{{"SIGSEGV", 20}}));
  EXPECT_EQ(run({"exits", "--count", "20", "--abort"})["deaths"], (Json{{"SIGABRT", 20}}));
}

TEST_F(Load, ChurnLeavesNoCgroupBehind) {
  // A private view of the hierarchy, wherever (and whether) the host has it mounted.
  char mount_point[] = "/tmp/iris-load-cgroup-XXXXXX";
  ASSERT_NE(mkdtemp(mount_point), nullptr);
  const std::string root = mount_point;
  ASSERT_EQ(std::system(("mount -t cgroup2 none " + root).c_str()), 0);
  Program server({"tcp-server", "--listen", kV4});
  server.wait_ready();
  const Json churn = run({"churn-cgroups", "--root", root, "--count", "100", "--connect", kV4});
  EXPECT_EQ(churn["count"], 100);
  EXPECT_EQ(churn["removed"], 100);
  EXPECT_EQ(churn["established"], 100);
  EXPECT_EQ(server.truth(true)["accepted"], 100);
  EXPECT_EQ(std::system(("! ls -d " + root + "/iris-load-* 2>/dev/null | grep -q . ; r=$?; umount " + root + "; rmdir " + root +
                         "; exit $r").c_str()),
            0);
}

}  // namespace
