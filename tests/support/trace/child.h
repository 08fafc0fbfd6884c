// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace iris::test {

/// Waits until `done` or throws std::runtime_error naming `what`.
void wait_until(const std::string& what, const std::function<bool()>& done,
                std::chrono::milliseconds limit = std::chrono::seconds(15));

std::string read_text(const std::string& path);

/// A directory under the system's temporary one, removed with all in it.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Where a child shall run. Descriptors stay the caller's; -1: where we are.
struct Place {
  int net_namespace = -1;
  std::string cgroup;                    // directory of a cgroup2 group
  std::function<void()> before_exec = {};  // in the child, last
};

/// A child process with its output in files, so that no amount of it blocks.
/// Killed and reaped when the object goes.
class Child {
 public:
  /// Runs a program.
  Child(std::vector<std::string> arguments, const Place& place);
  /// Runs `body` in a forked copy of this process and ends with what it returns.
  Child(const std::function<int()>& body, const Place& place);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool ended();
  void signal(int number) const;
  /// Waits for the end; the status of wait(2). Throws after `limit`.
  int wait(std::chrono::milliseconds limit = std::chrono::seconds(120));
  /// Waits until stderr holds `text`. Throws if the child ends without having said it.
  void wait_for_message(const std::string& text, std::chrono::milliseconds limit = std::chrono::seconds(20));

  std::string out() const { return read_text(directory_.path() + "/out"); }
  std::string err() const { return read_text(directory_.path() + "/err"); }
  std::string out_path() const { return directory_.path() + "/out"; }

 private:
  void start(const Place& place, const std::function<int()>& body);

  TempDirectory directory_;
  std::string name_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  int status_ = 0;
};

}  // namespace iris::test
