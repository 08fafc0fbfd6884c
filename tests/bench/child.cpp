// SPDX-License-Identifier: Apache-2.0
#include "child.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace iris::bench {
namespace {

std::string content(int fd) {
  std::string text;
  char piece[4096];
  off_t at = 0;
  for (ssize_t got = 0; (got = pread(fd, piece, sizeof piece, at)) > 0; at += got) {
    text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

std::uint64_t field_of(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
  }
  return 0;
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, Output standard_output)
    : out_(standard_output == Output::caught ? memfd_create("stdout", MFD_CLOEXEC) : open("/dev/null", O_WRONLY | O_CLOEXEC)),
      err_(memfd_create("stderr", MFD_CLOEXEC)) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out_, STDOUT_FILENO);
    dup2(err_, STDERR_FILENO);
    execvp(argv[0], argv.data());
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
}

Child::Child(const std::function<void()>& body) {
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    body();
    _exit(0);
  }
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) close(out_);
  if (err_ >= 0) close(err_);
}

bool Child::running() {
  if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

bool Child::stop(int signal, double seconds) {
  if (!running()) return false;
  kill(pid_, signal);
  for (const double until = now_seconds() + seconds; now_seconds() < until; usleep(5000)) {
    if (!running()) return true;
  }
  kill(pid_, SIGKILL);
  wait();
  return false;
}

int Child::wait() {
  while (pid_ > 0 && waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status_;
}

std::string Child::output() const { return out_ < 0 ? "" : content(out_); }
std::string Child::errors() const { return err_ < 0 ? "" : content(err_); }

double Child::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::uint64_t Child::voluntary_switches() const {
  std::uint64_t sum = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", error)) {
    sum += field_of(task.path() / "status", "voluntary_ctxt_switches");
  }
  return sum;
}

std::uint64_t Child::status_kib(const std::string& field) const {
  return field_of("/proc/" + std::to_string(pid_) + "/status", field);
}

std::uint64_t forks_so_far() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("processes ")) return std::strtoull(line.c_str() + 10, nullptr, 10);
  }
  return 0;
}

double now_seconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace iris::bench
