// SPDX-License-Identifier: Apache-2.0
// Prints where it is about to crash, as the kernel would say it, and crashes:
//   "FILE_OFFSET_OF_THE_FAULT FILE_OFFSET_OF_THE_RETURN_ADDRESS"
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ucontext.h>
#include <unistd.h>

namespace subject {

std::uintptr_t return_address = 0;

// The offset within the file of an address, by our own maps.
std::uint64_t file_offset(std::uintptr_t address) {
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  char line[4096];
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    std::uint64_t offset = 0;
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64, &start, &end, &offset) != 3) continue;
    if (address >= start && address < end) return address - start + offset;
  }
  std::abort();
}

void tell(int, siginfo_t*, void* context) {
  const auto* machine = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  const auto fault = static_cast<std::uintptr_t>(machine->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  const auto fault = static_cast<std::uintptr_t>(machine->uc_mcontext.pc);
#else
  const auto fault = static_cast<std::uintptr_t>(machine->uc_mcontext.arm_pc);
#endif
  std::printf("%" PRIu64 " %" PRIu64 "\n", file_offset(fault), file_offset(return_address));
  std::fflush(stdout);
  std::signal(SIGSEGV, SIG_DFL);  // returning runs into the fault again
}

struct Valve {
  __attribute__((noinline)) void open_too_far(int* position) {
    return_address = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    *position = 1;
  }
};

__attribute__((noinline)) void run_pump(int turns) {
  Valve valve;
  valve.open_too_far(turns > 0 ? nullptr : &turns);
  return_address = 0;
}

}  // namespace subject

int main() {
  struct sigaction action {};
  action.sa_sigaction = subject::tell;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  subject::run_pump(1);
}
