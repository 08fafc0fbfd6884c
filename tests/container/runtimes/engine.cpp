// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace iris::test_support {
namespace {

const std::string kEngine = IRIS_ENGINE;

std::vector<std::string> command_line(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

void wait_until_gone(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    waitpid(pid, nullptr, WNOHANG);  // when it is ours
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    if (!std::getline(status, text) || text.find(") Z ") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw std::runtime_error("a daemon did not end");
}

}  // namespace

std::string run(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("popen");
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), count);
  if (pclose(pipe) != 0) throw std::runtime_error(command + ": " + output);
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

Engine::Engine() {
  std::string name = "/tmp/iris-rt-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = name;
  run(kEngine + " start " + directory_ + "/e");
  network_ = run(kEngine + " netns " + directory_ + "/e");
  std::istringstream pids(run(kEngine + " pids " + directory_ + "/e"));
  pids >> containerd_.pid >> dockerd_.pid;
  containerd_.command = command_line(containerd_.pid);
  dockerd_.command = command_line(dockerd_.pid);
}

Engine::~Engine() {
  const std::string command = kEngine + " stop " + directory_ + "/e && rmdir " + directory_;
  if (std::system(command.c_str()) != 0) std::fprintf(stderr, "could not stop the engine in %s\n", directory_.c_str());
}

std::string Engine::docker(const std::string& arguments) const {
  return run("docker -H unix://" + docker_socket() + " " + arguments);
}

std::string Engine::ctr(const std::string& arguments) const {
  return run("ctr -a " + containerd_socket() + " " + arguments);
}

void Engine::signal(Daemon daemon, int number) const {
  ::kill(daemon == Daemon::containerd ? containerd_.pid : dockerd_.pid, number);
}

void Engine::kill(Daemon daemon) {
  signal(daemon, SIGKILL);
  wait_until_gone(process(daemon).pid);
}

void Engine::restart(Daemon daemon) {
  Process& target = process(daemon);
  const char* name = daemon == Daemon::containerd ? "containerd" : "dockerd";
  std::vector<std::string> command = {"nsenter", "--net=/run/netns/" + network_, "--"};
  command.insert(command.end(), target.command.begin(), target.command.end());
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  // The killed one may still be a zombie, which dockerd takes for a running daemon.
  unlink((directory_ + "/e/dockerd-own.pid").c_str());
  const std::string log = directory_ + "/e/" + name + ".log";
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    const int file = open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(file, 1);
    dup2(file, 2);
    closefrom(3);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  target.pid = child;
  std::ofstream(directory_ + "/e/" + name + ".pid") << child << "\n";  // so that "engine stop" finds it
  for (int i = 0; i < 300; ++i) {
    try {
      daemon == Daemon::containerd ? ctr("version") : docker("version");
      return;
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  throw std::runtime_error(std::string(name) + " does not come back");
}

std::string Engine::cgroup_root() {
  // A v1 controller where there is one, since not every runc makes groups in
  // the v2 hierarchy of a hybrid host.
  for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
    if (access((std::string(root) + "/cgroup.procs").c_str(), F_OK) == 0) return root;
  }
  throw std::runtime_error("no cgroup hierarchy below /sys/fs/cgroup");
}

std::string Engine::docker_parent() const { return "/" + network_ + "/docker"; }

std::string Engine::cgroup_path(pid_t pid) const {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  const bool v1 = cgroup_root().ends_with("/pids");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (v1 ? controllers == "pids" : controllers.empty()) return line.substr(second + 1);
  }
  throw std::runtime_error("no cgroup for the process");
}

}  // namespace iris::test_support
