// SPDX-License-Identifier: Apache-2.0
// What cannot be done is said in plain words, with the exit code of the contract.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <string>

#include "trace/cgroup.h"
#include "trace/child.h"
#include "trace/trace.h"

namespace iris::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Finished run_shell(const std::string& script) {
  Child child({"sh", "-c", script}, Place{});
  const int status = child.wait(std::chrono::seconds(30));
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), child.out(), child.err()};
}

const std::string kTrace = "'" IRIS_TRACE_PATH "'";
/// Unmounts every cgroup2 in a mount namespace of one's own.
const std::string kNoCgroup2 =
    "unshare -m --propagation private sh -c '"
    "for root in $(while read -r _ dir type _; do [ \"$type\" = cgroup2 ] && echo \"$dir\"; done </proc/self/mounts); do"
    " umount -l \"$root\" || exit 99; done; ";

TEST(ErrorsTest, NotRoot) {
  for (const char* command : {"flows --once", "events --for 1", "exits --for 1", "status", "selftest", "containers"}) {
    const Finished run = run_shell("exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all " + kTrace +
                                   " " + command);
    EXPECT_EQ(run.exit_code, 3) << command << ": " << run.err;
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, AllOf(HasSubstr("iris-trace: "), AnyOf(HasSubstr("root"), HasSubstr("CAP_BPF")))) << command;
  }
}

TEST(ErrorsTest, BadFilter) {
  for (const char* filter : {"--peer 198.51.100.0/33", "--port 70000", "--port http", "--protocol carrier-pigeon",
                             "--role bystander", "--pid -1", "--types rumour"}) {
    const Finished run = run_shell("exec " + kTrace + " events " + filter);
    EXPECT_EQ(run.exit_code, 2) << filter << ": " << run.err;
    EXPECT_THAT(run.out, IsEmpty());
    EXPECT_THAT(run.err, HasSubstr(std::string(filter).substr(0, std::string_view(filter).find(' ')))) << filter;
  }
}

TEST(ErrorsTest, OutputPipeClosed) {
  // `head` takes a line and goes; the tracer notices with its next words and ends.
  for (const char* command : {"flows --follow --window 0.2", "events"}) {
    const Finished run = run_shell(
        "{ timeout 20 " + kTrace + " " + command + " --json --no-runtimes; echo $? >&3; } 3>&2 | head -n 1 >/dev/null & "
        "end=$(($(date +%s) + 8)); while [ $(date +%s) -lt $end ] && kill -0 $! 2>/dev/null; do"
        " busybox nc -w 1 127.0.0.1 9 </dev/null 2>/dev/null; sleep 0.1; done; wait");
    EXPECT_THAT(run.err, ::testing::Not(HasSubstr("124"))) << "still running after 20 s: " << command << "\n" << run.err;
    // Whoever reads has what he wanted: no failure, no complaint (141 would be SIGPIPE).
    EXPECT_THAT(run.err, HasSubstr("\n0\n")) << command << "\n" << run.err;
  }
}

TEST(ErrorsTest, NoCgroup2Mounted) {
  const Finished run = run_shell(kNoCgroup2 + "exec " IRIS_TRACE_PATH " status --json --no-runtimes'");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json status = parse_lines(run.out).at(0);
  EXPECT_FALSE(status.at("programs").empty());
  for (const Json& program : status.at("programs")) {
    if (program.at("name").get<std::string>().find("sock") == std::string::npos) continue;
    EXPECT_EQ(program.at("attached"), true) << program;
  }
}

// And owners are right all the same: the self-test looks for its own cgroup.
TEST(ErrorsTest, NoCgroup2MountedAndStillRight) {
  const Finished run = run_shell(kNoCgroup2 + "exec " IRIS_TRACE_PATH " selftest --json --no-runtimes'");
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  for (const Json& step : parse_lines(run.out)) EXPECT_EQ(step.at("passed"), true) << step;
}

TEST(ErrorsTest, NoBtf) {
  const Finished run = run_shell(
      "unshare -m --propagation private sh -c 'mount -t tmpfs none /sys/kernel/btf && exec " IRIS_TRACE_PATH
      " status --json --no-runtimes'");
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, AllOf(HasSubstr("BTF"), HasSubstr("CONFIG_DEBUG_INFO_BTF"))) << "and what to do";
}

TEST(ErrorsTest, UnknownVersion1Controller) {
  const Finished run = run_shell("exec " + kTrace + " status --no-runtimes --cgroup1 bananas");
  EXPECT_THAT(run.exit_code, AnyOf(1, 2, 3)) << run.err;
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("bananas"));
}

TEST(ErrorsTest, NotACgroupRoot) {
  const Finished run = run_shell("exec " + kTrace + " status --no-runtimes --cgroup-root /tmp");
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, AllOf(HasSubstr("/tmp"), HasSubstr("cgroup")));
}

}  // namespace
}  // namespace iris::test
