// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace iris::test_support {

/// A private containerd and dockerd (tests/support/engine) for the life of the
/// object, and what tests do with them.
class Engine {
 public:
  Engine();
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  std::string docker_socket() const { return directory_ + "/e/docker.sock"; }
  std::string containerd_socket() const { return directory_ + "/e/containerd.sock"; }
  /// Output of a docker or ctr command; throws when it fails.
  std::string docker(const std::string& arguments) const;
  std::string ctr(const std::string& arguments) const;
  /// A root file system on the host for ctr.
  std::string image_root() const { return directory_ + "/e/image"; }

  enum class Daemon { containerd, dockerd };
  void kill(Daemon daemon);     // SIGKILL
  void restart(Daemon daemon);  // with the command line it had; waits until it answers
  void signal(Daemon daemon, int number) const;

  /// Root of a hierarchy in which containers have groups, and a container's path in it.
  static std::string cgroup_root();
  std::string cgroup_path(pid_t pid) const;
  std::string docker_parent() const;

 private:
  struct Process {
    pid_t pid = 0;
    std::vector<std::string> command;
  };
  Process& process(Daemon daemon) { return daemon == Daemon::containerd ? containerd_ : dockerd_; }

  std::string directory_;
  std::string network_;
  Process containerd_;
  Process dockerd_;
};

/// Runs a shell command and gives its output without the last line feed; throws when it fails.
std::string run(const std::string& command);

}  // namespace iris::test_support
