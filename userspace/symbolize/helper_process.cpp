// SPDX-License-Identifier: Apache-2.0
#include "symbolize/helper_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

namespace iris::symbolize {
namespace {

constexpr std::size_t kMaxReplyBytes = 1 << 20;
constexpr auto kDeathWait = std::chrono::milliseconds(100);

bool spawn(const std::string& program, int child_end, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, child_end, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, child_end, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // The caller may block or ignore signals; the child starts clean, and in a
  // group of its own so that a Ctrl-C at the terminal is for the caller only.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::string name = program;
  std::string path = "PATH=/usr/bin:/bin";
  std::array<char*, 2> arguments{name.data(), nullptr};
  std::array<char*, 2> environment{path.data(), nullptr};
  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error == 0;
}

}  // namespace

HelperProcess::~HelperProcess() {
  discard();
  // Killed, so it is a matter of milliseconds, unless it hangs in a file
  // system; then init inherits it.
  const auto deadline = std::chrono::steady_clock::now() + kDeathWait;
  for (reap(); !dying_.empty() && std::chrono::steady_clock::now() < deadline; reap()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

bool HelperProcess::start(const std::string& program) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
  base::UniqueFd ours(ends[0]);
  const base::UniqueFd theirs(ends[1]);
  if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0 || !spawn(program, theirs.get(), pid_)) {
    pid_ = -1;
    return false;
  }
  socket_ = std::move(ours);
  return true;
}

bool HelperProcess::exchange() {
  while (!outgoing_.empty()) {
    const ssize_t sent = send(socket_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return false;
    }
    outgoing_.erase(0, static_cast<std::size_t>(sent));
  }
  std::array<char, 16'384> piece{};
  for (;;) {
    const ssize_t got = recv(socket_.get(), piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0 || incoming_.size() > kMaxReplyBytes) return false;
    incoming_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

std::optional<std::string> HelperProcess::next_line() {
  const std::size_t end = incoming_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = incoming_.substr(0, end);
  incoming_.erase(0, end + 1);
  return line;
}

void HelperProcess::finish() {
  if (pid_ > 0) dying_.push_back(pid_);
  pid_ = -1;
  socket_.reset();
  outgoing_.clear();
  incoming_.clear();
}

void HelperProcess::discard() {
  if (pid_ > 0) kill(pid_, SIGKILL);
  for (const pid_t pid : dying_) kill(pid, SIGKILL);  // not yet reaped, so still ours
  finish();
}

void HelperProcess::reap() {
  std::erase_if(dying_, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}

}  // namespace iris::symbolize
