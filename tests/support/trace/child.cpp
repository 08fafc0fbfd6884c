// SPDX-License-Identifier: Apache-2.0
#include "trace/child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace iris::test {
namespace {

[[noreturn]] void fail_child(const char* what) {
  std::perror(what);
  std::fflush(stderr);
  _exit(126);
}

void redirect(const std::string& path, int to) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || dup2(fd, to) < 0) fail_child("redirect");
}

void enter(const Place& place) {
  if (!place.cgroup.empty()) {
    const int fd = open((place.cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) fail_child("enter cgroup");
    close(fd);
  }
  if (place.net_namespace >= 0 && setns(place.net_namespace, CLONE_NEWNET) != 0) fail_child("enter network namespace");
}

}  // namespace

void wait_until(const std::string& what, const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain: " + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TempDirectory::TempDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "iris-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  path_ = name;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Child::Child(std::vector<std::string> arguments, const Place& place) : name_(arguments.at(0)) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  start(place, [&argv] {
    execvp(argv[0], argv.data());
    fail_child(argv[0]);
    return 126;
  });
}

Child::Child(const std::function<int()>& body, const Place& place) : name_("child") { start(place, body); }

void Child::start(const Place& place, const std::function<int()>& body) {
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;
  redirect(directory_.path() + "/out", STDOUT_FILENO);
  redirect(directory_.path() + "/err", STDERR_FILENO);
  enter(place);
  if (place.before_exec) place.before_exec();
  const int code = body();
  std::fflush(nullptr);
  _exit(code);
}

Child::~Child() {
  if (reaped_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Child::ended() {
  if (!reaped_ && waitpid(pid_, &status_, WNOHANG) == pid_) reaped_ = true;
  return reaped_;
}

void Child::signal(int number) const {
  if (!reaped_) kill(pid_, number);
}

int Child::wait(std::chrono::milliseconds limit) {
  wait_until("the end of " + name_, [this] { return ended(); }, limit);
  return status_;
}

void Child::wait_for_message(const std::string& text, std::chrono::milliseconds limit) {
  wait_until("'" + text + "' from " + name_, [&] {
    const bool over = ended();  // first, so that its last words are read
    if (err().find(text) != std::string::npos) return true;
    if (over) throw std::runtime_error(name_ + " ended early: " + err());
    return false;
  }, limit);
}

}  // namespace iris::test
