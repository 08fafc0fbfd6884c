// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/records.h"
#include "symbolize/candidate_modules.h"

namespace iris::symbolize {

/// Names for crash stacks, through the optional helper iris-symbolize. Belongs
/// to one thread, whose event loop it never blocks. Every request comes back
/// from poll() within three seconds: without names if there is no helper, if it
/// crashed on this request, or if it took too long.
class Symbolizer {
 public:
  /// `helper_path` empty: beside this program, else in ../lib/iris.
  explicit Symbolizer(std::string helper_path = {});
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  /// There is a helper that can be run.
  bool available() const;

  /// Takes a request; the 65th waiting one comes back at once. Frames beyond
  /// 128 and modules beyond 256 are not looked up.
  void submit(std::uint64_t id, std::vector<flow::StackFrame> frames, std::vector<std::string> module_paths);

  /// Readable when poll() has something to do.
  int poll_fd() const;

  /// Drives the helper; what is finished, with the ids of submit().
  std::vector<std::pair<std::uint64_t, std::vector<flow::StackFrame>>> poll();

  /// Process id of the helper, -1 without one.
  int helper_pid() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::symbolize
