// SPDX-License-Identifier: Apache-2.0
#include "pipeline/crash_stacks.h"

#include <poll.h>

#include <algorithm>

#include "pipeline/clock.h"

namespace iris::pipeline {
namespace {

constexpr std::size_t kMaxStacks = 256;
constexpr std::uint64_t kStackLifeNs = 30'000'000'000;  // a core dump may take its time
constexpr std::uint64_t kMaxHeldNs = 3'000'000'000;
constexpr std::int32_t kFrameEnd = 0;
constexpr std::int32_t kFrameBuildId = 1;

std::string hex(const std::uint8_t (&bytes)[20]) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * sizeof bytes);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::vector<flow::StackFrame> frames_of(const iris_stack_event& event) {
  std::vector<flow::StackFrame> frames;
  const std::size_t count = std::min<std::size_t>(event.frames, IRIS_STACK_DEPTH);
  frames.reserve(count);
  for (std::size_t i = 0; i < count && event.frame[i].status != kFrameEnd; ++i) {
    flow::StackFrame frame;
    if (event.frame[i].status == kFrameBuildId) frame.build_id = hex(event.frame[i].build_id);
    frame.offset = event.frame[i].offset;
    frames.push_back(std::move(frame));
  }
  return frames;
}

void CrashStacks::forget_old(std::uint64_t now_ns) {
  while (!stacks_.empty() && (stacks_.size() > kMaxStacks || now_ns - stacks_.front().since_ns > kStackLifeNs)) {
    stacks_.pop_front();
  }
}

void CrashStacks::add(const iris_stack_event& event, std::vector<std::string> modules, std::uint64_t now_ns) {
  const std::uint32_t pid = event.header.pid;
  stacks_.remove_if([pid](const Stack& stack) { return stack.pid == pid; });  // the last one was fatal
  stacks_.push_back({pid, event.signal, now_ns, frames_of(event), std::move(modules)});
  forget_old(now_ns);
}

std::optional<flow::ExitRecord> CrashStacks::attach(flow::ExitRecord exit, std::uint64_t now_ns) {
  forget_old(now_ns);
  const auto found =
      std::find_if(stacks_.begin(), stacks_.end(), [&exit](const Stack& stack) { return stack.pid == exit.pid; });
  if (found == stacks_.end()) return exit;
  Stack stack = std::move(*found);
  stacks_.erase(found);
  if (exit.signal == 0 || static_cast<std::uint32_t>(exit.signal) != stack.signal || stack.frames.empty()) return exit;
  exit.stack = stack.frames;
  const bool can_be_named = std::any_of(stack.frames.begin(), stack.frames.end(),
                                        [](const flow::StackFrame& frame) { return !frame.build_id.empty(); });
  if (symbolizer_ == nullptr || !can_be_named) return exit;
  const std::uint64_t id = next_id_++;
  held_.emplace(id, Held{std::move(exit), now_ns});
  symbolizer_->submit(id, std::move(stack.frames), std::move(stack.modules));
  return std::nullopt;
}

std::vector<flow::ExitRecord> CrashStacks::finished(std::uint64_t now_ns) {
  std::vector<flow::ExitRecord> done;
  if (symbolizer_ == nullptr) return done;
  for (auto& [id, frames] : symbolizer_->poll()) {
    auto held = held_.extract(id);
    if (held.empty()) continue;
    held.mapped().exit.stack = std::move(frames);
    done.push_back(std::move(held.mapped().exit));
  }
  for (auto at = held_.begin(); at != held_.end();) {
    if (now_ns - at->second.since_ns <= kMaxHeldNs) {
      ++at;
      continue;
    }
    done.push_back(std::move(at->second.exit));
    at = held_.erase(at);
  }
  return done;
}

std::vector<flow::ExitRecord> CrashStacks::finish(std::chrono::milliseconds patience) {
  std::vector<flow::ExitRecord> done;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (holds()) {
    for (auto& exit : finished(monotonic_ns())) done.push_back(std::move(exit));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (!holds() || left.count() <= 0) break;
    pollfd readable{symbolizer_->poll_fd(), POLLIN, 0};
    poll(&readable, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 50)));
  }
  for (auto& [id, held] : held_) done.push_back(std::move(held.exit));
  held_.clear();
  return done;
}

}  // namespace iris::pipeline
