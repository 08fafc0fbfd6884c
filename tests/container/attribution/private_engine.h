// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace iris::test {

/// Output of a shell command, without its last line feed. Throws
/// std::runtime_error with the command and all it said when it fails.
std::string shell(const std::string& command);

/// containerd and dockerd of our own (tests/support/engine), with the image
/// iris-actor:1: busybox, and in /bin iris-actor and iris-load. They end with
/// the object, and also when this process is killed.
class PrivateEngine {
 public:
  PrivateEngine();
  ~PrivateEngine();
  PrivateEngine(const PrivateEngine&) = delete;
  PrivateEngine& operator=(const PrivateEngine&) = delete;

  const std::string& directory() const { return directory_; }
  std::string docker_socket() const { return directory_ + "/docker.sock"; }
  std::string containerd_socket() const { return directory_ + "/containerd.sock"; }
  /// Root file system of the image, for ctr.
  std::string root_file_system() const { return directory_ + "/image"; }
  int net_namespace() const { return net_namespace_; }

  /// "docker ARGUMENTS", as on a shell.
  std::string docker(const std::string& arguments) const;
  /// "ctr ARGUMENTS", as on a shell.
  std::string ctr(const std::string& arguments) const;
  /// Ends "containerd" or "dockerd" and starts it anew.
  void restart(const std::string& daemon) const;

 private:
  void make_image() const;

  std::string directory_;
  int alive_ = -1;  // closed with this process, which tells the guardian
  pid_t guardian_ = -1;
  int net_namespace_ = -1;
};

}  // namespace iris::test
