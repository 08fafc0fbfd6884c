// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace iris::fuzz {

/// A file that is on no disk, for readers that want a path.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
    if (fd_ < 0) std::abort();
  }
  MemoryFile(const MemoryFile&) = delete;
  ~MemoryFile() { close(fd_); }

  const std::string& path() const { return path_; }
  void replace(std::string_view text) {
    if (ftruncate(fd_, 0) != 0 || pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) std::abort();
  }

 private:
  int fd_;
  std::string path_;
};

/// The text before the first zero byte.
inline std::string_view file_part(std::string_view input) { return input.substr(0, input.find('\0')); }

/// What follows it: NAME=VALUE, a line each.
inline std::map<std::string, std::string> variables_part(std::string_view input) {
  std::map<std::string, std::string> variables;
  input.remove_prefix(std::min(input.size(), file_part(input).size() + 1));
  while (!input.empty()) {
    const auto line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    if (const auto equals = line.find('='); equals != 0 && equals != std::string_view::npos) {
      variables.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
  }
  return variables;
}

}  // namespace iris::fuzz
