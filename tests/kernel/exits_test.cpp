// SPDX-License-Identifier: Apache-2.0
// How processes end, and who ended them.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "trace/cgroup.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

void allow_core(const std::string& directory, bool allow) {
  const rlim_t bytes = allow ? 64U << 20 : 0;
  const rlimit limit{bytes, bytes};
  if (setrlimit(RLIMIT_CORE, &limit) != 0 || chdir(directory.c_str()) != 0) _exit(125);
  prctl(PR_SET_DUMPABLE, 1);
  prctl(PR_SET_NAME, "iris-dying");
}

__attribute__((no_sanitize("address", "undefined"))) int bad_store() {
  signal(SIGSEGV, SIG_DFL);
  volatile int* nowhere = nullptr;
  *nowhere = 1;
  return 0;
}

class Exits : public testing::Test {
 protected:
  /// The one exit of this process; null and a failure when there is not exactly one.
  static Json exit_of(const std::vector<Json>& lines, pid_t pid) {
    std::vector<Json> found;
    for (const Json& exit : of_type(lines, "exit")) {
      if (exit["pid"] == pid) found.push_back(exit);
    }
    EXPECT_EQ(found.size(), 1U) << "exits of " << pid;
    return found.size() == 1 ? found[0] : Json();
  }

  TempDirectory directory_;
  ScratchCgroup dying_{"iris-exits-dying"};
  ScratchCgroup killing_{"iris-exits-killing"};
};

TEST_F(Exits, CodesAndFaults) {
  struct Case {
    const char* name;
    std::function<int()> body;
    bool core;
    int exit_code;
    Json signal;
    const char* exit_class;
  };
  const std::vector<Case> cases{
      {"clean", [] { return 0; }, false, 0, nullptr, "clean"},
      {"code", [] { return 42; }, false, 42, nullptr, "error"},
      {"segv with core", bad_store, true, 0, "SIGSEGV", "crash"},
      {"segv without core", bad_store, false, 0, "SIGSEGV", "crash"},
      {"abort", [] { std::abort(); return 0; }, false, 0, "SIGABRT", "crash"},
      {"own kill", [] { return kill(getpid(), SIGKILL); }, false, 0, "SIGKILL", "killed"},
  };
  Trace trace({"exits"});
  std::vector<pid_t> pids;
  std::vector<bool> dumped;
  for (const Case& one : cases) {
    const Place place{-1, dying_.path(), [this, &one] { allow_core(directory_.path(), one.core); }};
    Child child(one.body, place);
    const int status = child.wait();
    dumped.push_back(WIFSIGNALED(status) && WCOREDUMP(status));
    pids.push_back(child.pid());
    if (one.core) {
      EXPECT_TRUE(dumped.back()) << "this host writes no core files: see kernel.core_pattern";
    }
  }
  const auto lines = trace.stop();
  EXPECT_EQ(ledger_faults(lines), "");
  EXPECT_EQ(of_type(lines, "exit", dying_.id()).size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].name);
    const Json exit = exit_of(lines, pids[i]);
    if (exit.is_null()) continue;
    SCOPED_TRACE(exit.dump());
    EXPECT_EQ(exit["owner"]["id"], dying_.id());
    EXPECT_EQ(exit["process"], "iris-dying");
    // Forked and not executed: known only if the parent was. Unknown is null, never a guess.
    if (!exit["executable"].is_null()) {
      EXPECT_EQ(exit["executable"], std::filesystem::read_symlink("/proc/self/exe").string());
    }
    EXPECT_EQ(exit["exit_code"], cases[i].exit_code);
    EXPECT_EQ(exit["signal"], cases[i].signal);
    EXPECT_EQ(exit["core_dumped"], static_cast<bool>(dumped[i]));
    EXPECT_EQ(exit["oom_killed"], false);
    EXPECT_EQ(exit["main_process"], false);
    EXPECT_TRUE(exit["killed_by"].is_null());
    EXPECT_EQ(exit["class"], cases[i].exit_class);
    EXPECT_LT(exit["started"], exit["time"]);
    const bool crash = std::string(cases[i].exit_class) == "crash";
    EXPECT_EQ(exit["stack"].is_array() && !exit["stack"].empty(), crash);
  }
}

TEST_F(Exits, AKillNamesTheKiller) {
  const std::string sleep_path = std::filesystem::canonical("/bin/sleep").string();
  Trace trace({"exits"});
  for (const int number : {SIGKILL, SIGTERM, SIGSEGV}) {
    SCOPED_TRACE(number);
    Child victim({sleep_path, "100"}, {-1, dying_.path()});
    const std::string comm = "/proc/" + std::to_string(victim.pid()) + "/comm";
    wait_until("sleep", [&] { return read_text(comm) == "sleep\n"; });
    Child killer([pid = victim.pid(), number] {
      prctl(PR_SET_NAME, "iris-killer");
      return kill(pid, number);
    }, {-1, killing_.path()});
    EXPECT_EQ(killer.wait(), 0);
    EXPECT_EQ(WTERMSIG(victim.wait()), number);

    Json exit;
    wait_until("its exit record", [&] {
      for (const Json& line : of_type(trace.so_far(), "exit", dying_.id())) {
        if (line["pid"] == victim.pid()) exit = line;
      }
      return !exit.is_null();
    });
    SCOPED_TRACE(exit.dump());
    EXPECT_EQ(exit["process"], "sleep");
    EXPECT_EQ(exit["executable"], sleep_path);
    EXPECT_EQ(exit["signal"], number == SIGKILL ? "SIGKILL" : number == SIGTERM ? "SIGTERM" : "SIGSEGV");
    EXPECT_EQ(exit["class"], "killed");
    ASSERT_TRUE(exit["killed_by"].is_object());
    EXPECT_EQ(exit["killed_by"]["pid"], killer.pid());
    EXPECT_EQ(exit["killed_by"]["process"], "iris-killer");
    EXPECT_EQ(exit["killed_by"]["owner"]["id"], killing_.id());
  }
  EXPECT_EQ(ledger_faults(trace.stop()), "");
}

// A signal that a process survives is not what ended it later.
TEST_F(Exits, AHandledSignalBlamesNobody) {
  Trace trace({"exits"});
  Child survivor([] {
    signal(SIGTERM, [](int) { _exit(0); });
    std::fputs("waiting\n", stderr);
    pause();
    return 1;
  }, {-1, dying_.path()});
  survivor.wait_for_message("waiting");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  survivor.signal(SIGTERM);
  EXPECT_EQ(survivor.wait(), 0);
  const Json exit = exit_of(trace.stop(), survivor.pid());
  ASSERT_FALSE(exit.is_null());
  EXPECT_EQ(exit["class"], "clean");
  EXPECT_TRUE(exit["signal"].is_null());
  EXPECT_TRUE(exit["killed_by"].is_null());
}

}  // namespace
}  // namespace iris::test
