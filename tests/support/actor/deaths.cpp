// SPDX-License-Identifier: Apache-2.0
// The functions a test looks for in the stack have external names and stay
// functions of their own; the volatile results keep their calls from becoming
// jumps.
#include <unistd.h>

#include <cstdint>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "actions.h"

namespace {
volatile std::sig_atomic_t asked_to_end = 0;
}

extern "C" {

// Sanitizers would turn the deaths asked for into exits of their own.
#define IRIS_DEATH __attribute__((noinline, no_sanitize("address", "undefined")))

IRIS_DEATH int actor_bad_store(std::uintptr_t address) {
  *reinterpret_cast<volatile int*>(address) = 1;
  return 1;
}

IRIS_DEATH int actor_crash_middle(std::uintptr_t address) {
  volatile int result = actor_bad_store(address);
  return result;
}

IRIS_DEATH int actor_give_up() {
  std::abort();
  return 1;
}

}  // extern "C"

namespace iris::actor {

int wait_for_sigterm() {
  struct sigaction action {};
  action.sa_handler = [](int) { asked_to_end = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before);  // else it could come between the check and the wait
  while (asked_to_end == 0) sigsuspend(&before);
  return 0;
}

int die_by_segv() {
  std::signal(SIGSEGV, SIG_DFL);
  volatile int result = actor_crash_middle(8);
  return result;
}

int die_by_abort() {
  std::signal(SIGABRT, SIG_DFL);
  volatile int result = actor_give_up();
  return result;
}

int eat_memory() {
  constexpr std::size_t kBite = 1 << 20;
  for (;;) {
    auto* bite = static_cast<char*>(std::malloc(kBite));
    if (bite == nullptr) {
      usleep(1000);
      continue;
    }
    std::memset(bite, 1, kBite);
    asm volatile("" : : "r"(bite) : "memory");  // or the compiler sees that nobody reads it
  }
}

}  // namespace iris::actor
