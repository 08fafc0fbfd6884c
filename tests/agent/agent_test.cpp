// SPDX-License-Identifier: Apache-2.0
// irisd on a private spool and socket: what it says and keeps against what the
// programs that made the traffic counted, and how it starts, reloads and ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "spool/spool.h"
#include "trace/cgroup.h"
#include "trace/net_namespace.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr milliseconds kStart{30'000};

/// A configuration of its own, and the daemon that runs by it.
class Daemon {
 public:
  explicit Daemon(const std::string& window = "2s") { configure(window, "info"); }

  void configure(const std::string& window, const std::string& level) const {
    std::ofstream(config()) << "window = \"" << window << "\"\n[log]\nlevel = \"" << level
                            << "\"\n[runtimes]\ndocker_socket = \"\"\ncontainerd_socket = \"\"\n[spool]\ndirectory = \""
                            << spool() << "\"\n[local]\nsocket = \"" << socket() << "\"\n";
  }
  void start() {
    child_ = run();
    child_->wait_for_message("ready: irisd", kStart);
  }
  std::unique_ptr<Child> run() const {
    return std::make_unique<Child>(std::vector<std::string>{IRISD_PATH, "--no-ship", "--config", config()}, Place{});
  }
  /// Exit code after SIGTERM; `took` says how long it took.
  int stop(milliseconds* took = nullptr) {
    const auto began = steady_clock::now();
    child_->signal(SIGTERM);
    const int status = child_->wait(milliseconds(20'000));
    if (took != nullptr) *took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  Child& child() { return *child_; }
  std::string config() const { return directory_.path() + "/irisd.toml"; }
  std::string spool() const { return directory_.path() + "/spool"; }
  std::string socket() const { return directory_.path() + "/irisd.sock"; }

  std::vector<flow::Batch> spooled() const {
    iris::spool::SpoolOptions options;
    options.directory = spool();
    auto opened = iris::spool::Spool::open(options, 1);
    if (!opened) throw std::runtime_error(opened.error().message);
    std::vector<flow::Batch> batches;
    for (std::uint64_t sequence = 0;;) {
      auto next = (*opened)->next_after(sequence);
      if (!next) throw std::runtime_error(next.error().message);
      if (!*next) return batches;
      sequence = (*next)->last_sequence;
      batches.push_back(std::move((*next)->batch));
    }
  }

 private:
  TempDirectory directory_;
  std::unique_ptr<Child> child_;
};

/// iris-trace with that daemon, without what Trace adds.
Finished ask(const Daemon& daemon, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), IRIS_TRACE_PATH);
  arguments.insert(arguments.end(), {"--socket", daemon.socket()});
  Child child(std::move(arguments), Place{});
  const int status = child.wait();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), child.out(), child.err()};
}

Json make_connections(const NetNamespace& net, const ScratchCgroup& from, const ScratchCgroup& to, int count) {
  Load server({"tcp-server", "--listen", "127.0.0.1:8080", "--request", "10", "--reply", "1000"}, {net.fd(), to.path()});
  server.ready();
  const Json truth = Load({"mixed", "--to", "127.0.0.1:8080", "--connections", std::to_string(count), "--send", "10",
                           "--receive", "1000", "--refused", "20", "--refused-to", "127.0.0.1:1"},
                          {net.fd(), from.path()})
                         .truth();
  server.truth(true);
  return truth;
}

void expect_truth(const std::vector<Json>& flows, const Json& truth) {
  EXPECT_EQ(sum_of(flows, "opened"), truth.at("attempts"));
  EXPECT_EQ(sum_of(flows, "established"), truth.at("established"));
  EXPECT_EQ(sum_of(flows, "originator_bytes"), truth.at("bytes_sent"));
  EXPECT_EQ(sum_of(flows, "responder_bytes"), truth.at("bytes_received"));
  EXPECT_EQ(sum_of(flows, "failed/refused"), truth.at("failed").at("refused"));
}

TEST(Agent, FlowsThroughTheDaemonEqualTheTruth) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-agent-serving");
  const ScratchCgroup loading("iris-agent-loading");
  Daemon daemon("6s");
  daemon.start();
  ASSERT_EQ(ask(daemon, {"flows", "--json", "--once"}).exit_code, 0);  // returns as a window begins
  Child once({IRIS_TRACE_PATH, "flows", "--json", "--once", "--socket", daemon.socket()}, Place{});
  once.wait_for_message("attached");
  const Json truth = make_connections(net, loading, serving, 300);
  ASSERT_FALSE(once.ended()) << "the load took longer than a window";
  EXPECT_EQ(once.wait(milliseconds(20'000)), 0) << once.err();
  const auto lines = parse_lines(once.out());
  EXPECT_EQ(of_type(lines, "ledger").size(), 1U);
  EXPECT_EQ(ledger_faults(lines), "");
  expect_truth(of_type(lines, "flow", loading.id()), truth);
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Agent, ContainersStatusSelftestAndRecordComeFromTheDaemonAndEventsDoNot) {
  Daemon daemon("1s");
  daemon.start();
  const auto status = ask(daemon, {"status", "--json"});
  ASSERT_EQ(status.exit_code, 0) << status.err;
  const Json said = parse_lines(status.out).at(0);
  EXPECT_EQ(said.at("agent").at("window_ms"), 1000);
  EXPECT_EQ(said.at("agent").at("self_test_passed"), true);
  EXPECT_TRUE(said.at("agent").at("uplink").is_null());
  const auto selftest = ask(daemon, {"selftest", "--json"});
  EXPECT_EQ(selftest.exit_code, 0) << selftest.out << selftest.err;
  EXPECT_EQ(parse_lines(selftest.out).size(), 5U);
  EXPECT_EQ(ask(daemon, {"containers", "--json"}).exit_code, 0);
  const TempDirectory directory;
  const auto record = ask(daemon, {"record", directory.path() + "/r", "--no-events", "--for", "1"});
  EXPECT_EQ(record.exit_code, 0);
  EXPECT_THAT(record.err, ::testing::Not(HasSubstr("loading programs")));
  EXPECT_FALSE(of_type(parse_lines(run_trace({"replay", directory.path() + "/r"}).out), "ledger").empty());
  EXPECT_THAT(ask(daemon, {"events", "--for", "0.2"}).err, HasSubstr("loading programs of its own"));
  EXPECT_THAT(ask(daemon, {"flows", "--once", "--window", "0.2"}).err, HasSubstr("irisd has windows of 1000 ms"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Agent, TheLastWindowIsInTheSpoolWithinFiveSeconds) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-agent-serving");
  const ScratchCgroup loading("iris-agent-loading");
  Daemon daemon("1h");  // the only window is the last
  daemon.start();
  const Json truth = make_connections(net, loading, serving, 100);
  std::this_thread::sleep_for(milliseconds(700));  // as long as an attempt may be under way
  milliseconds took{0};
  EXPECT_EQ(daemon.stop(&took), 0);
  EXPECT_LT(took, milliseconds(5'000));
  std::uint64_t established = 0;
  std::uint64_t received = 0;
  for (const auto& batch : daemon.spooled()) {
    for (const auto& record : batch.records) {
      const auto* flow = std::get_if<flow::FlowRecord>(&record);
      if (flow == nullptr || flow->owner->cgroup_id != loading.id()) continue;
      established += flow->established;
      received += flow->responder_bytes;
    }
  }
  EXPECT_EQ(established, truth.at("established"));
  EXPECT_EQ(received, truth.at("bytes_received"));
}

TEST(Agent, KilledAndStartedAgainItNamesTheGap) {
  const NetNamespace net;
  const ScratchCgroup serving("iris-agent-serving");
  const ScratchCgroup loading("iris-agent-loading");
  Daemon daemon("300ms");
  daemon.start();
  make_connections(net, loading, serving, 10);  // an idle window may wait for the next
  wait_until("a window in the spool", [&daemon] {
    const auto status = ask(daemon, {"status", "--json"});
    return status.exit_code == 0 && parse_lines(status.out).at(0).at("agent").at("spool").at("windows") > 0;
  });
  daemon.child().signal(SIGKILL);
  daemon.child().wait();
  std::this_thread::sleep_for(milliseconds(300));
  daemon.start();
  EXPECT_EQ(daemon.stop(), 0);
  std::vector<flow::Gap> gaps;
  for (const auto& batch : daemon.spooled()) gaps.insert(gaps.end(), batch.gaps.begin(), batch.gaps.end());
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].reason, "agent_stopped");
  EXPECT_GE(gaps[0].end_wall_ns - gaps[0].start_wall_ns, 300'000'000U);
}

TEST(Agent, HupTakesOverTheLogLevelAndSaysWhatNeedsARestart) {
  Daemon daemon("2s");
  daemon.start();
  daemon.configure("3s", "info");
  daemon.child().signal(SIGHUP);
  daemon.child().wait_for_message("needs a restart: window");
  std::ofstream(daemon.config()) << "widow = 1\n";
  daemon.child().signal(SIGHUP);
  daemon.child().wait_for_message("did you mean 'window'?");
  daemon.child().wait_for_message("going on with what was");
  daemon.configure("2s", "error");
  daemon.child().signal(SIGHUP);
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_THAT(daemon.child().err(), ::testing::Not(HasSubstr("stopping"))) << "said at level info";
}

TEST(Agent, ASecondOneIsRefused) {
  Daemon daemon;
  daemon.start();
  const auto second = daemon.run();
  EXPECT_EQ(WEXITSTATUS(second->wait()), 1);
  EXPECT_THAT(second->err(), HasSubstr("irisd runs already, as process " + std::to_string(daemon.child().pid())));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(Agent, CheckConfigNamesFaultsAndStartsNothing) {
  const TempDirectory directory;
  const std::string file = directory.path() + "/irisd.toml";
  std::ofstream(file) << "window = 0\n[spool]\nsize = 1\n";
  Child check({IRISD_PATH, "--check-config", "--config", file}, Place{});
  EXPECT_EQ(WEXITSTATUS(check.wait()), 2);
  EXPECT_THAT(check.err(), HasSubstr(file + ":1: window is out of range"));
  EXPECT_THAT(check.err(), HasSubstr(file + ":3: unknown key 'spool.size'"));
}

TEST(Agent, WithoutRightsItSaysWhatIsMissing) {
  Daemon daemon;
  Child child({IRISD_PATH, "--no-ship", "--config", daemon.config()}, {.cgroup = {}, .before_exec = [&daemon] {
                // An open directory for the spool, so that only the kernel refuses.
                if (chown(daemon.config().substr(0, daemon.config().rfind('/')).c_str(), 65534, 65534) != 0 ||
                    chown(daemon.config().c_str(), 65534, 65534) != 0 || setgid(65534) != 0 || setuid(65534) != 0) {
                  _exit(99);
                }
              }});
  EXPECT_EQ(WEXITSTATUS(child.wait()), 3) << child.err();
  EXPECT_THAT(child.err(), HasSubstr("CAP_BPF"));
}

}  // namespace
}  // namespace iris::test
