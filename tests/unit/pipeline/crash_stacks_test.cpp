// SPDX-License-Identifier: Apache-2.0
#include "pipeline/crash_stacks.h"

#include <gtest/gtest.h>

#include <csignal>

namespace iris::pipeline {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

iris_stack_event stack_event(std::uint32_t pid, std::uint32_t signal = SIGSEGV) {
  iris_stack_event event{};
  event.header.type = IRIS_EVENT_STACK;
  event.header.pid = pid;
  event.signal = signal;
  event.frames = 3;
  event.frame[0].status = 1;
  for (int i = 0; i < 20; ++i) event.frame[0].build_id[i] = static_cast<std::uint8_t>(0xa0 + i);
  event.frame[0].offset = 0x1234;
  event.frame[1].status = 2;
  event.frame[1].offset = 0x7fff0000;
  event.frame[2].status = 0;
  event.frame[2].offset = 99;
  return event;
}

flow::ExitRecord exit_record(std::uint32_t pid, int signal = SIGSEGV) {
  flow::ExitRecord exit;
  exit.pid = pid;
  exit.signal = signal;
  return exit;
}

TEST(CrashStacks, FramesEndWhereTheKernelSays) {
  const auto frames = frames_of(stack_event(1));
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].build_id, "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3");
  EXPECT_EQ(frames[0].offset, 0x1234u);
  EXPECT_EQ(frames[1].build_id, "");
  EXPECT_EQ(frames[1].offset, 0x7fff0000u);
}

TEST(CrashStacks, FrameCountBeyondTheRecordIsCut) {
  iris_stack_event event = stack_event(1);
  event.frames = 4'000'000;
  for (auto& frame : event.frame) frame.status = 2;
  EXPECT_EQ(frames_of(event).size(), static_cast<std::size_t>(IRIS_STACK_DEPTH));
}

TEST(CrashStacks, StackGoesToTheExitOfItsProcess) {
  CrashStacks stacks(nullptr);
  stacks.add(stack_event(1), {}, 0);
  const auto other = stacks.attach(exit_record(2), 0);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->stack);
  const auto crashed = stacks.attach(exit_record(1), 0);
  ASSERT_TRUE(crashed);
  ASSERT_TRUE(crashed->stack);
  EXPECT_EQ(crashed->stack->size(), 2u);
  EXPECT_FALSE(stacks.attach(exit_record(1), 0)->stack);  // used once
}

TEST(CrashStacks, StackOfAnotherSignalIsNotTheCause) {
  CrashStacks stacks(nullptr);
  stacks.add(stack_event(1, SIGQUIT), {}, 0);
  EXPECT_FALSE(stacks.attach(exit_record(1, SIGKILL), 0)->stack);
  EXPECT_EQ(stacks.waiting_stacks(), 0u);
}

TEST(CrashStacks, OldAndTooManyAreForgotten) {
  CrashStacks stacks(nullptr);
  stacks.add(stack_event(1), {}, 0);
  EXPECT_FALSE(stacks.attach(exit_record(1), 31 * kSecond)->stack);
  for (std::uint32_t pid = 1; pid <= 1000; ++pid) stacks.add(stack_event(pid), {}, 40 * kSecond);
  EXPECT_EQ(stacks.waiting_stacks(), 256u);
  EXPECT_FALSE(stacks.attach(exit_record(1), 40 * kSecond)->stack);
  EXPECT_TRUE(stacks.attach(exit_record(1000), 40 * kSecond)->stack);
}

// The symbolizer has no helper here: it gives everything back without names.
TEST(CrashStacks, HeldRecordComesBackWithoutAHelper) {
  CrashStacks stacks(std::make_unique<symbolize::Symbolizer>("/nonexistent/helper"));
  stacks.add(stack_event(1), {}, 0);
  EXPECT_FALSE(stacks.attach(exit_record(1), 0));
  EXPECT_TRUE(stacks.holds());
  const auto done = stacks.finish(std::chrono::milliseconds(3000));
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].pid, 1u);
  ASSERT_TRUE(done[0].stack);
  EXPECT_EQ(done[0].stack->size(), 2u);
  EXPECT_FALSE(stacks.holds());
}

TEST(CrashStacks, HelperThatNeverAnswersDoesNotKeepTheRecord) {
  CrashStacks stacks(std::make_unique<symbolize::Symbolizer>("/bin/cat"));  // no answer, only an echo
  stacks.add(stack_event(1), {}, 0);
  stacks.attach(exit_record(1), 0);
  const auto done = stacks.finished(4 * kSecond);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].stack->size(), 2u);
}

}  // namespace
}  // namespace iris::pipeline
