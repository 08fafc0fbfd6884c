// SPDX-License-Identifier: Apache-2.0
#include "private_engine.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace iris::test {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

std::string shell(const std::string& command) {
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "re");
  if (pipe == nullptr) fail("popen");
  std::string out;
  std::array<char, 4096> buffer;
  while (const std::size_t length = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), length);
  const int status = pclose(pipe);
  if (status != 0) throw std::runtime_error("status " + std::to_string(status) + " of: " + command + "\n" + out);
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

PrivateEngine::PrivateEngine() {
  std::string name = "/tmp/iris-attribution-XXXXXX";  // short: sockets lie below it
  if (mkdtemp(name.data()) == nullptr) fail("mkdtemp");
  directory_ = name + "/e";

  // Waits for the end of this process, however it comes, and clears up. Its own
  // session: a Ctrl-C or a time-out that ends the test shall not end it.
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  guardian_ = fork();
  if (guardian_ < 0) fail("fork");
  if (guardian_ == 0) {
    setsid();
    dup2(ends[0], STDIN_FILENO);
    const std::string script = "cat >/dev/null; '" IRIS_ENGINE_PATH "' stop '" + directory_ + "'; rmdir '" + name + "'";
    execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    _exit(127);
  }
  close(ends[0]);
  alive_ = ends[1];

  shell("'" IRIS_ENGINE_PATH "' start " + directory_);
  const std::string tag = shell("'" IRIS_ENGINE_PATH "' netns " + directory_);
  net_namespace_ = open(("/run/netns/" + tag).c_str(), O_RDONLY | O_CLOEXEC);
  if (net_namespace_ < 0) fail("the engine's network namespace");
  make_image();
}

PrivateEngine::~PrivateEngine() {
  if (net_namespace_ >= 0) close(net_namespace_);
  close(alive_);
  waitpid(guardian_, nullptr, 0);
}

void PrivateEngine::make_image() const {
  const std::string bin = root_file_system() + "/bin/";
  shell("cp '" IRIS_ACTOR_PATH "' '" IRIS_LOAD_PATH "' " + bin);
  shell("tar -C " + root_file_system() + " -c . | docker -H unix://" + docker_socket() +
        " import --change 'ENV PATH=/bin' - iris-actor:1");
}

std::string PrivateEngine::docker(const std::string& arguments) const {
  return shell("timeout 60 docker -H unix://" + docker_socket() + " " + arguments);
}

std::string PrivateEngine::ctr(const std::string& arguments) const {
  return shell("timeout 60 ctr -a " + containerd_socket() + " " + arguments);
}

void PrivateEngine::restart(const std::string& daemon) const {
  shell("'" IRIS_ENGINE_PATH "' restart " + directory_ + " " + daemon);
}

}  // namespace iris::test
