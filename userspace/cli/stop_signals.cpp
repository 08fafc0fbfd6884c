// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_signals.h"

#include <atomic>

namespace iris::cli {
namespace {

std::atomic<TraceSource*> g_target{nullptr};
std::atomic<bool> g_requested{false};
static_assert(std::atomic<TraceSource*>::is_always_lock_free, "used in a signal handler");

void on_signal(int) {
  g_requested = true;
  if (TraceSource* target = g_target.load()) target->request_stop();
}

}  // namespace

StopSignals::StopSignals() {
  g_requested = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // and no SA_RESTART: a blocked write shall return
  sigaction(SIGINT, &action, &previous_int_);
  sigaction(SIGTERM, &action, &previous_term_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &previous_pipe_);
}

StopSignals::~StopSignals() {
  g_target = nullptr;
  sigaction(SIGINT, &previous_int_, nullptr);
  sigaction(SIGTERM, &previous_term_, nullptr);
  sigaction(SIGPIPE, &previous_pipe_, nullptr);
}

void StopSignals::set_target(TraceSource* source) {
  g_target = source;
  if (source != nullptr && g_requested) source->request_stop();  // came while it was being opened
}

bool StopSignals::requested() { return g_requested; }

}  // namespace iris::cli
