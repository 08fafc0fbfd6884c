// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

#include "commands.h"

namespace iris::load {
namespace {

constexpr int kRemoveAttempts = 2000;  // of a millisecond each

// Sanitizers would turn the deaths asked for into exits of their own.
__attribute__((no_sanitize("address", "undefined"))) [[noreturn]] void die(const ExitOptions& options) {
  signal(SIGSEGV, SIG_DFL);
  signal(SIGABRT, SIG_DFL);
  if (options.signal == SIGSEGV) {
    volatile int* nowhere = nullptr;
    *nowhere = 1;
  }
  if (options.signal == SIGABRT) std::abort();
  _exit(options.code);
}

void count_death(int status, Json& json) {
  const std::string key = WIFSIGNALED(status) ? "SIG" + std::string(sigabbrev_np(WTERMSIG(status)))
                                              : std::to_string(WEXITSTATUS(status));
  json[key] = json.value(key, std::uint64_t{0}) + 1;
}

// Born in the cgroup, so no migration: like a container's first process after runc.
pid_t fork_into(int cgroup_fd) {
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

enum ChildResult { kConnected = 0, kNotConnected = 1 };

[[noreturn]] void churn_child(const ChurnOptions& options) {
  if (!options.connect) _exit(kConnected);
  const int fd = socket(options.connect->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = fd >= 0 && connect(fd, options.connect->address(), options.connect->length) == 0;
  _exit(connected ? kConnected : kNotConnected);
}

}  // namespace

Json run_exits(const ExitOptions& options) {
  const Stopwatch watch;
  Json json;
  json["count"] = 0;
  Json deaths = Json::object();
  std::uint64_t died = 0;
  std::map<int, std::uint64_t> by_status;
  for (std::uint64_t i = 0; i < options.count; ++i) {
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) die(options);
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    ++by_status[status & ~0x80];  // without the core-dump bit
    ++died;
  }
  for (const auto& [status, count] : by_status) {
    Json one = Json::object();
    count_death(status, one);
    deaths[one.begin().key()] = count;
  }
  json["count"] = died;
  json["deaths"] = deaths;
  watch.add_to(json);
  return json;
}

Json run_churn(const ChurnOptions& options) {
  const Stopwatch watch;
  std::uint64_t made = 0;
  std::uint64_t removed = 0;
  Truth truth;
  const std::string prefix = options.root + "/iris-load-" + std::to_string(getpid()) + "-";
  for (std::uint64_t i = 0; i < options.count; ++i) {
    const std::string path = prefix + std::to_string(i);
    if (mkdir(path.c_str(), 0755) != 0) throw std::system_error(errno, std::generic_category(), "mkdir " + path);
    ++made;
    const int cgroup = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const pid_t child = cgroup < 0 ? -1 : fork_into(cgroup);
    if (child == 0) churn_child(options);
    const int error = errno;
    if (cgroup >= 0) close(cgroup);
    int status = -1;
    if (child > 0) {
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
    }
    if (options.connect && child > 0) {
      ++truth.attempts;
      if (WIFEXITED(status) && WEXITSTATUS(status) == kConnected) {
        ++truth.established;
        ++truth.closed;
      } else {
        ++truth.other;
      }
    }
    // A dead process leaves its cgroup a moment after its parent was told.
    int attempts = 0;
    while (rmdir(path.c_str()) != 0) {
      if (errno != EBUSY || ++attempts > kRemoveAttempts) {
        throw std::system_error(errno, std::generic_category(), "rmdir " + path);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ++removed;
    if (child < 0) throw std::system_error(error, std::generic_category(), "a child in " + path);
  }
  Json json = truth.to_json();
  json["count"] = made;
  json["removed"] = removed;
  watch.add_to(json);
  return json;
}

}  // namespace iris::load
