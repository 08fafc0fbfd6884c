// SPDX-License-Identifier: Apache-2.0
#include "symbolize/symbolizer.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace {

using namespace std::chrono_literals;
using iris::flow::StackFrame;
using iris::symbolize::Symbolizer;
using Clock = std::chrono::steady_clock;
using Results = std::map<std::uint64_t, std::vector<StackFrame>>;

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  pclose(pipe);
  return text;
}

/// Runs the subject until it dies, and tells its last two frames.
std::vector<StackFrame> crash(const std::string& subject) {
  std::istringstream said(output_of("exec " + subject + " 2>/dev/null"));
  std::uint64_t fault = 0;
  std::uint64_t caller = 0;
  EXPECT_TRUE(said >> fault >> caller);
  const std::string notes = output_of("readelf -n " + subject);
  const std::size_t at = notes.find("Build ID: ");
  EXPECT_NE(at, std::string::npos) << notes;
  const std::string build_id = at == std::string::npos ? "" : notes.substr(at + 10, 40);
  return {{build_id, fault, "", ""}, {build_id, caller, "", ""}};
}

/// Waits on poll_fd() only, as an event loop does.
Results collect(Symbolizer& symbolizer, std::size_t count, std::chrono::milliseconds within = 3000ms) {
  Results results;
  const auto deadline = Clock::now() + within;
  while (results.size() < count && Clock::now() < deadline) {
    pollfd entry{symbolizer.poll_fd(), POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) <= 0) break;
    for (auto& [id, frames] : symbolizer.poll()) results.emplace(id, std::move(frames));
  }
  return results;
}

/// A stand-in for the helper that misbehaves as the shell script says.
class Script {
 public:
  explicit Script(const std::string& body)
      : path_(std::filesystem::path(testing::TempDir()) / ("iris-helper-" + std::to_string(getpid()))) {
    std::ofstream(path_) << "#!/bin/sh\n" << body << "\n";
    chmod(path_.c_str(), 0700);
  }
  ~Script() { std::filesystem::remove(path_); }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

TEST(Symbolizer, WithoutHelperGivesBackAtOnce) {
  Symbolizer symbolizer("/nonexistent/iris-symbolize");
  EXPECT_FALSE(symbolizer.available());
  symbolizer.submit(7, {{"", 42, "", ""}}, {});
  const Results results = collect(symbolizer, 1, 100ms);
  ASSERT_TRUE(results.contains(7));
  EXPECT_EQ(results.at(7)[0].offset, 42U);
  EXPECT_EQ(results.at(7)[0].symbol, "");
}

TEST(Symbolizer, ASilentHelperCostsTheCallerNothingAndTheRequestThreeSeconds) {
  const Script script("exec sleep 60");
  Symbolizer symbolizer(script.path());
  const auto start = Clock::now();
  for (std::uint64_t id = 0; id < 5; ++id) symbolizer.submit(id, {{"", id, "", ""}}, {});
  EXPECT_LT(Clock::now() - start, 100ms);
  EXPECT_EQ(collect(symbolizer, 5).size(), 5U);
  EXPECT_LT(Clock::now() - start, 3s);
}

TEST(Symbolizer, ACrashingHelperLosesOnlyTheRequestItDiedOf) {
  const Script script("read line; case $line in *'\"id\":2,'*) kill -SEGV $$;; esac;"
                      "echo '{\"id\":1,\"frames\":[{\"symbol\":\"f\",\"module\":\"/a/b\"}]}'; read line; kill -SEGV $$");
  Symbolizer symbolizer(script.path());
  symbolizer.submit(10, {{"", 1, "", ""}}, {});
  symbolizer.submit(11, {{"", 2, "", ""}}, {});
  const Results results = collect(symbolizer, 2);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results.at(10)[0].symbol, "f");
  EXPECT_EQ(results.at(10)[0].module, "b");
  EXPECT_EQ(results.at(11)[0].symbol, "");
}

TEST(Symbolizer, NonsenseAndEndlessAnswersAreACrash) {
  for (const char* body : {"read line; echo nonsense; sleep 60", "read line; echo '{\"id\":99,\"frames\":[]}'; sleep 60",
                           "read line; echo '[1]'; sleep 60", "read line; exec cat /dev/zero"}) {
    const Script script(body);
    Symbolizer symbolizer(script.path());
    symbolizer.submit(1, {{"", 1, "", ""}}, {});
    EXPECT_EQ(collect(symbolizer, 1, 1000ms).size(), 1U) << body;
  }
}

TEST(Symbolizer, TheQueueIsBounded) {
  const Script script("exec sleep 60");
  Symbolizer symbolizer(script.path());
  for (std::uint64_t id = 0; id < 100; ++id) symbolizer.submit(id, {}, {});
  EXPECT_EQ(collect(symbolizer, 36, 100ms).size(), 36U);
  EXPECT_EQ(collect(symbolizer, 64).size(), 64U);
}

TEST(Symbolizer, LeavesNoChildBehind) {
  {
    const Script script("exec sleep 60");
    Symbolizer symbolizer(script.path());
    symbolizer.submit(1, {}, {});
    EXPECT_GT(symbolizer.helper_pid(), 0);
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

#ifdef HELPER

TEST(Helper, NamesTheFunctionsOfARealCrash) {
  for (const std::string subject : {SUBJECT_PIE, SUBJECT_FIXED}) {
    Symbolizer symbolizer(HELPER);
    ASSERT_TRUE(symbolizer.available());
    symbolizer.submit(1, crash(subject), {"/nonexistent", "/bin/sh", subject});
    Results results = collect(symbolizer, 1);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[1][0].symbol, "subject::Valve::open_too_far(int*)") << subject;
    EXPECT_EQ(results[1][1].symbol, "subject::run_pump(int)") << subject;
    EXPECT_EQ(results[1][0].module, std::filesystem::path(subject).filename());
  }
}

TEST(Helper, InventsNoNameForAStrippedFile) {
  const std::string stripped = testing::TempDir() + "iris-stripped-" + std::to_string(getpid());
  ASSERT_EQ(std::system(("strip -o " + stripped + " " SUBJECT_PIE).c_str()), 0);
  Symbolizer symbolizer(HELPER);
  symbolizer.submit(1, crash(SUBJECT_PIE), {stripped});
  Results results = collect(symbolizer, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[1][0].symbol, "");
  EXPECT_EQ(results[1][0].module, std::filesystem::path(stripped).filename());
  std::filesystem::remove(stripped);
}

TEST(Helper, IsNotTakenInByFilesThatAreNone) {
  const std::string folder = testing::TempDir() + "iris-hostile-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  ASSERT_EQ(mkfifo((folder + "/fifo").c_str(), 0600), 0);
  std::ofstream(folder + "/empty");
  std::ofstream(folder + "/text") << "#!/bin/sh\n";
  // A real file whose headers are damaged, one byte of the first 512 at a time.
  std::ifstream in(SUBJECT_PIE, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  const auto frames = crash(SUBJECT_PIE);
  Symbolizer symbolizer(HELPER);
  std::vector<std::string> modules{folder + "/fifo", folder + "/empty", folder + "/text", "/dev/zero", folder};
  for (std::size_t at = 0; at < 512; at += 8) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(~damaged[at]);
    if (at % 16 == 0) damaged.resize(whole.size() / 2);
    modules.push_back(folder + "/damaged-" + std::to_string(at));
    std::ofstream(modules.back(), std::ios::binary) << damaged;
  }
  symbolizer.submit(1, frames, modules);
  EXPECT_EQ(collect(symbolizer, 1).size(), 1U);
  // Whatever that did to the helper, the next honest request is answered.
  symbolizer.submit(2, frames, {SUBJECT_PIE});
  Results results = collect(symbolizer, 1);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[2][0].symbol, "subject::Valve::open_too_far(int*)");
  std::filesystem::remove_all(folder);
}

TEST(Helper, EndsWhenItHasBeenIdle) {
  Symbolizer symbolizer(HELPER);
  symbolizer.submit(1, {}, {});
  collect(symbolizer, 1);
  EXPECT_GT(symbolizer.helper_pid(), 0);
  collect(symbolizer, 1, 11s);
  EXPECT_EQ(symbolizer.helper_pid(), -1);
}

#endif

}  // namespace
