// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: the wall clock is shifted by the nanoseconds in the file that
// IRIS_TEST_CLOCK_SHIFT names (an int64, read anew each time).
//
// Waits for a moment of wall time are kept to the shifted clock, too, as a kernel
// whose clock is set does it: those of abseil, and with it gRPC, are futex calls.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSlice = kSecond / 20;  // how soon a wait notices that the clock was set

using GetTime = int (*)(clockid_t, timespec*);
using SystemCall = long (*)(long, ...);

template <typename Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int real_clock(clockid_t clock, timespec* now) {
  static const auto next = next_of<GetTime>("clock_gettime");
  return next(clock, now);
}

const std::atomic<std::int64_t>* open_shift() {
  const char* path = std::getenv("IRIS_TEST_CLOCK_SHIFT");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* mapped = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return mapped == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(mapped);
}

std::int64_t shift() {
  static const std::atomic<std::int64_t>* const file = open_shift();
  return file == nullptr ? 0 : file->load(std::memory_order_relaxed);
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }
timespec to_timespec(std::int64_t ns) { return {ns / kSecond, ns % kSecond}; }

std::int64_t shifted_now() {
  timespec now{};
  real_clock(CLOCK_REALTIME, &now);
  return nanoseconds(now) + shift();
}

bool is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

/// In slices, until it is woken or the shifted clock has got there.
long wait_for_wall_time(SystemCall call, const long (&arguments)[6]) {
  const std::int64_t until = nanoseconds(*reinterpret_cast<const timespec*>(arguments[3]));
  while (true) {
    timespec now{};
    real_clock(CLOCK_REALTIME, &now);
    const std::int64_t left = std::max<std::int64_t>(until - shifted_now(), 0);
    const timespec slice = to_timespec(nanoseconds(now) + std::min(left, kSlice));
    const long result = call(SYS_futex, arguments[0], arguments[1], arguments[2], reinterpret_cast<long>(&slice),
                             arguments[4], arguments[5]);
    if (result == 0 || errno != ETIMEDOUT || left <= kSlice) return result;
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) {
  const int result = real_clock(clock, now);
  if (result == 0 && is_wall(clock)) *now = to_timespec(nanoseconds(*now) + shift());
  return result;
}

int gettimeofday(timeval* __restrict now, void* __restrict) {
  const std::int64_t ns = shifted_now();
  *now = {ns / kSecond, ns % kSecond / 1000};
  return 0;
}

time_t time(time_t* into) {
  const time_t now = shifted_now() / kSecond;
  if (into != nullptr) *into = now;
  return now;
}

long syscall(long number, ...) {
  static const auto next = next_of<SystemCall>("syscall");
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  constexpr long kWaitUntil = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
  if (number == SYS_futex && (arguments[1] & ~FUTEX_PRIVATE_FLAG) == kWaitUntil && arguments[3] != 0) {
    return wait_for_wall_time(next, arguments);
  }
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

}  // extern "C"
