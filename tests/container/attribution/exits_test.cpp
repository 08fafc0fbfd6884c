// SPDX-License-Identifier: Apache-2.0
// How processes of containers end, and who ended them.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>

#include "attribution_test.h"

namespace iris::test {
namespace {

class ExitsTest : public AttributionTest {
 protected:
  static Json exit_of(Trace& trace, const std::string& container_id, const std::string& process = "iris-actor") {
    return wait_for_line(trace, container_id, [&](const Json& line) {
      return is_of(line, "exit", container_id) && line.at("process") == process;
    });
  }
};

/// The build id of the actor, as the linker wrote it.
std::string actor_build_id() {
  return shell("readelf -n '" IRIS_ACTOR_PATH "' | sed -n 's/.*Build ID: //p'");
}

/// Place of a function in the stack, -1 when it is not there.
int frame_of(const Json& stack, const std::string& function) {
  const auto at = std::find_if(stack.begin(), stack.end(), [&](const Json& frame) {
    return frame.at("symbol").is_string() && frame.at("symbol").get<std::string>().starts_with(function);
  });
  return at == stack.end() ? -1 : static_cast<int>(at - stack.begin());
}

TEST_F(ExitsTest, SegmentationFaultWithCore) {
  const auto trace = start_trace({"exits"});
  const std::string id = run("--name crasher --ulimit core=-1 iris-actor:1 iris-actor segv");
  const Json exit = exit_of(*trace, id);
  EXPECT_EQ(exit.at("class"), "crash");
  EXPECT_EQ(exit.at("signal"), "SIGSEGV");
  EXPECT_EQ(exit.at("core_dumped"), true);
  EXPECT_EQ(exit.at("oom_killed"), false);
  EXPECT_EQ(exit.at("main_process"), true);
  EXPECT_EQ(exit.at("executable"), "/bin/iris-actor");
  EXPECT_TRUE(exit.at("killed_by").is_null()) << "it is its own doing: " << exit.at("killed_by");
  EXPECT_EQ(exit.at("owner").at("name"), "crasher");

  const Json& stack = exit.at("stack");
  ASSERT_TRUE(stack.is_array()) << exit;
  ASSERT_GE(stack.size(), 2U) << stack;
  EXPECT_EQ(stack[0].at("build_id"), actor_build_id());
  EXPECT_EQ(frame_of(stack, "actor_bad_store"), 0) << stack;
  EXPECT_EQ(frame_of(stack, "actor_crash_middle"), 1) << stack;
}

TEST_F(ExitsTest, SegmentationFaultWithoutCoreAndBehindTheMainProcess) {
  const auto trace = start_trace({"exits"});
  const std::string id = run("--name nursery --ulimit core=0 iris-actor:1 sh -c 'iris-actor segv; exit 7'");
  const Json child = exit_of(*trace, id);
  EXPECT_EQ(child.at("class"), "crash");
  EXPECT_EQ(child.at("core_dumped"), false);
  EXPECT_EQ(child.at("main_process"), false);
  const Json main = exit_of(*trace, id, "sh");
  EXPECT_EQ(main.at("class"), "error");
  EXPECT_EQ(main.at("exit_code"), 7);
  EXPECT_EQ(main.at("main_process"), true);
  EXPECT_TRUE(main.at("signal").is_null());
  EXPECT_TRUE(main.at("stack").is_null());
}

TEST_F(ExitsTest, Abort) {
  const auto trace = start_trace({"exits"});
  // Not as the first process: the kernel keeps signals that a first process sends itself from it.
  const std::string id = run("--name aborter iris-actor:1 sh -c 'iris-actor abort; true'");
  const Json exit = exit_of(*trace, id);
  EXPECT_EQ(exit.at("class"), "crash");
  EXPECT_EQ(exit.at("signal"), "SIGABRT");
  EXPECT_TRUE(exit.at("killed_by").is_null()) << "it is its own doing: " << exit.at("killed_by");
  ASSERT_TRUE(exit.at("stack").is_array()) << exit;
  EXPECT_EQ(exit.at("stack")[0].at("build_id"), actor_build_id());
  EXPECT_TRUE(exit.at("stack")[0].at("symbol").is_string()) << exit.at("stack");
}

TEST_F(ExitsTest, OutOfMemory) {
  const auto trace = start_trace({"exits"});
  const std::string id = run("--name glutton -m 24m --memory-swap 24m iris-actor:1 iris-actor eat");
  const Json exit = exit_of(*trace, id);
  ASSERT_EQ(docker("inspect -f '{{.State.OOMKilled}}' glutton"), "true") << "no out-of-memory kill to see";
  EXPECT_EQ(exit.at("class"), "oom");
  EXPECT_EQ(exit.at("oom_killed"), true);
  EXPECT_EQ(exit.at("signal"), "SIGKILL");
  EXPECT_EQ(exit.at("main_process"), true);
  EXPECT_EQ(exit.at("owner").at("name"), "glutton");
  EXPECT_TRUE(exit.at("killed_by").is_null()) << "the kernel chose it: " << exit.at("killed_by");
}

TEST_F(ExitsTest, DockerKill) {
  const auto trace = start_trace({"exits"});
  const std::string id = run("--name victim iris-actor:1 iris-actor wait");
  docker("kill victim");
  const Json exit = exit_of(*trace, id);
  EXPECT_EQ(exit.at("class"), "killed");
  EXPECT_EQ(exit.at("signal"), "SIGKILL");
  EXPECT_EQ(exit.at("oom_killed"), false);
  EXPECT_EQ(exit.at("core_dumped"), false);
  EXPECT_EQ(exit.at("main_process"), true);
  ASSERT_TRUE(exit.at("killed_by").is_object()) << exit;
  // The engine does it through its runtime, on the host.
  EXPECT_EQ(exit.at("killed_by").at("process"), "runc");
  EXPECT_NE(exit.at("killed_by").at("owner").at("kind"), "container");
}

TEST_F(ExitsTest, KilledFromAnotherContainer) {
  const auto trace = start_trace({"exits"});
  const std::string victim = run("--name victim iris-actor:1 sh -c 'iris-actor hold " + std::string(kPeer) +
                                 " 60000 & echo $!; wait; sleep 60'");
  std::string target;
  wait_until("the victim's child", [&] { return !(target = docker("logs victim")).empty(); });
  const std::string killer = run("--name killer --pid container:victim iris-actor:1 sh -c 'kill -9 " + target + "; sleep 1'");
  const Json exit = exit_of(*trace, victim);
  EXPECT_EQ(exit.at("class"), "killed");
  EXPECT_EQ(exit.at("signal"), "SIGKILL");
  EXPECT_EQ(exit.at("main_process"), false);
  EXPECT_EQ(exit.at("owner").at("name"), "victim");
  ASSERT_TRUE(exit.at("killed_by").is_object()) << exit;
  EXPECT_EQ(exit.at("killed_by").at("process"), "sh");
  EXPECT_EQ(exit.at("killed_by").at("owner").at("container_id"), killer);
  EXPECT_EQ(exit.at("killed_by").at("owner").at("name"), "killer");
}

// With the host's PID namespace even the first process is in reach.
TEST_F(ExitsTest, MainProcessKilledFromAnotherContainer) {
  const auto trace = start_trace({"exits"});
  const std::string victim = run("--name victim iris-actor:1 iris-actor wait");
  const pid_t pid = main_pid(victim);
  const std::string killer =
      run("--name killer --pid host iris-actor:1 sh -c 'kill -9 " + std::to_string(pid) + "; sleep 1'");
  const Json exit = exit_of(*trace, victim);
  EXPECT_EQ(exit.at("class"), "killed");
  EXPECT_EQ(exit.at("main_process"), true);
  EXPECT_EQ(exit.at("pid"), pid);
  ASSERT_TRUE(exit.at("killed_by").is_object()) << exit;
  EXPECT_EQ(exit.at("killed_by").at("owner").at("name"), "killer");
}

TEST_F(ExitsTest, CleanStop) {
  const auto trace = start_trace({"exits"});
  const std::string id = run("--name servant iris-actor:1 iris-actor wait");
  docker("stop servant");
  ASSERT_EQ(docker("inspect -f '{{.State.ExitCode}}' servant"), "0");
  const Json exit = exit_of(*trace, id);
  EXPECT_EQ(exit.at("class"), "clean");
  EXPECT_EQ(exit.at("exit_code"), 0);
  EXPECT_TRUE(exit.at("signal").is_null());
  EXPECT_TRUE(exit.at("killed_by").is_null()) << "a request is no kill: " << exit.at("killed_by");
  EXPECT_EQ(exit.at("main_process"), true);
}

// The first process goes and the kernel takes the rest of its namespace along.
TEST_F(ExitsTest, ChildrenOfAContainerThatIsKilled) {
  const auto trace = start_trace({"exits"});
  const std::string id = run("--name family iris-actor:1 sh -c 'sleep 60 & iris-actor wait'");
  wait_until("both children", [] { return docker("top family -o pid,args").find("sleep 60") != std::string::npos; });
  docker("kill family");
  const Json main = exit_of(*trace, id);  // the shell has become its last command
  EXPECT_EQ(main.at("class"), "killed");
  EXPECT_EQ(main.at("main_process"), true);
  const Json child = exit_of(*trace, id, "sleep");
  EXPECT_EQ(child.at("class"), "killed");
  EXPECT_EQ(child.at("signal"), "SIGKILL");
  EXPECT_EQ(child.at("main_process"), false);
}

}  // namespace
}  // namespace iris::test
