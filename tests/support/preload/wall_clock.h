// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "preload/environment.h"

namespace iris::test {

/// The wall clock as other programs see it: ours, shifted by what is said here, also
/// while they run. The kernel's clock stays what it is.
class WallClock {
 public:
  /// `file` is written, and must outlive the programs.
  explicit WallClock(std::string file);

  void shift(std::chrono::nanoseconds from_ours);
  std::chrono::nanoseconds shifted() const { return shift_; }
  /// What a program that shall see this clock needs.
  Variables variables() const;

 private:
  std::string file_;
  std::chrono::nanoseconds shift_{0};
};

}  // namespace iris::test
