// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/records.h"
#include "iris/event.h"
#include "symbolize/symbolizer.h"

namespace iris::pipeline {

/// The frames of a stack event: as many as it says and has.
std::vector<flow::StackFrame> frames_of(const iris_stack_event& event);

/// Brings the stack of a crash to its exit record. The stack comes first; the
/// exit is held back while the frames are being named, and no longer than the
/// symbolizer's three seconds.
class CrashStacks {
 public:
  /// Without a symbolizer the frames stay build ids and offsets.
  explicit CrashStacks(std::unique_ptr<symbolize::Symbolizer> symbolizer) : symbolizer_(std::move(symbolizer)) {}

  /// Whether the files of the process are of use to add(): it is about to die,
  /// so they are looked for only then, and at once.
  bool wants_modules() const { return symbolizer_ != nullptr; }
  void add(const iris_stack_event& event, std::vector<std::string> modules, std::uint64_t now_ns);

  /// The record with its stack, or nothing when it is held back.
  std::optional<flow::ExitRecord> attach(flow::ExitRecord exit, std::uint64_t now_ns);

  /// The records whose frames have their names, or whose time is over.
  std::vector<flow::ExitRecord> finished(std::uint64_t now_ns);
  /// Waits for the names a short while, then gives all that are held.
  std::vector<flow::ExitRecord> finish(std::chrono::milliseconds patience);
  bool holds() const { return !held_.empty(); }
  std::size_t waiting_stacks() const { return stacks_.size(); }

 private:
  struct Stack {
    std::uint32_t pid = 0;
    std::uint32_t signal = 0;
    std::uint64_t since_ns = 0;
    std::vector<flow::StackFrame> frames;
    std::vector<std::string> modules;
  };
  struct Held {
    flow::ExitRecord exit;
    std::uint64_t since_ns = 0;
  };
  void forget_old(std::uint64_t now_ns);

  std::unique_ptr<symbolize::Symbolizer> symbolizer_;
  std::list<Stack> stacks_;  // oldest first
  std::map<std::uint64_t, Held> held_;
  std::uint64_t next_id_ = 1;
};

}  // namespace iris::pipeline
