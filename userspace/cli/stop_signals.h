// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include "cli/trace_source.h"

namespace iris::cli {

/// While it lives: SIGINT and SIGTERM ask for a clean end, a second one of the
/// same kind ends at once (the kernel detaches programs with their
/// descriptors), and a closed pipe is an error of write() instead of a death.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Whom a signal shall stop from now on; null: nobody.
  static void set_target(TraceSource* source);
  static bool requested();

 private:
  struct sigaction previous_int_ {};
  struct sigaction previous_term_ {};
  struct sigaction previous_pipe_ {};
};

}  // namespace iris::cli
