// SPDX-License-Identifier: Apache-2.0
#include "symbolize/candidate_modules.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <sys/stat.h>

namespace iris::symbolize {
namespace {

constexpr std::array kLibraryFolders{
    "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib/arm-linux-gnueabihf", "/lib64", "/lib",
    "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf", "/usr/lib64", "/usr/lib"};
constexpr std::array kLibraries{"libc.so.6", "libpthread.so.0", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1",
                                "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-linux-armhf.so.3",
                                "ld-musl-x86_64.so.1", "ld-musl-aarch64.so.1", "ld-musl-armhf.so.1"};

constexpr std::size_t kMaxLayers = 128;  // as many as Docker itself allows

bool is_file(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

void add(std::vector<std::string>& paths, std::string path) {
  if (paths.size() < kMaxModules && std::find(paths.begin(), paths.end(), path) == paths.end()) {
    paths.push_back(std::move(path));
  }
}

// The path of an executable mapping: the sixth field, when it names a file.
std::string_view mapped_file(std::string_view line) {
  for (int field = 0; field < 5; ++field) {
    const std::size_t end = line.find(' ');
    if (end == std::string_view::npos) return {};
    if (field == 1 && line.substr(0, end).find('x') == std::string_view::npos) return {};
    line.remove_prefix(end + 1);
  }
  const std::size_t start = line.find_first_not_of(' ');
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start);
  return line.starts_with('/') && !line.ends_with(" (deleted)") ? line : std::string_view{};
}

/// Where the files of a root file system are. Docker unmounts ROOT/merged as soon
/// as the main process is dead, which is when it is wanted after a crash, and
/// removes the empty directory a little later; the layers below it stay as long
/// as the container is not removed.
std::vector<std::string> roots_of(const std::string& root_path) {
  constexpr std::string_view kMerged = "/merged";
  std::vector<std::string> roots{root_path == "/" ? "" : root_path};
  if (!root_path.ends_with(kMerged)) return roots;
  const std::string layer = root_path.substr(0, root_path.size() - kMerged.size());
  const std::string store = layer.substr(0, layer.rfind('/') + 1);
  roots.push_back(layer + "/diff");
  std::ifstream lower(layer + "/lower");  // "l/SHORT:l/SHORT", uppermost first, relative to the store
  for (std::string one; roots.size() < kMaxLayers && std::getline(lower, one, ':');) {
    if (one.ends_with('\n')) one.pop_back();
    roots.push_back(store + one);
  }
  return roots;
}

}  // namespace

std::vector<std::string> candidate_modules(std::uint32_t pid, const std::string& root_path,
                                           const std::string& executable) {
  std::vector<std::string> paths;
  if (pid != 0) {
    const std::string process = "/proc/" + std::to_string(pid);
    std::ifstream maps(process + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (const std::string_view file = mapped_file(line); !file.empty()) {
        add(paths, process + "/root" + std::string(file));
      }
    }
    // Also when its file has been deleted since, or lies in another mount namespace.
    if (!paths.empty()) add(paths, process + "/exe");
  }
  if (!paths.empty()) return paths;

  const std::vector<std::string> roots = roots_of(root_path);
  for (const std::string& root : roots) {
    // Of several layers, only those that have it.
    if (executable.starts_with('/') && (roots.size() == 1 || is_file(root + executable))) add(paths, root + executable);
    for (const char* folder : kLibraryFolders) {
      for (const char* library : kLibraries) {
        if (std::string path = root + folder + "/" + library; is_file(path)) add(paths, std::move(path));
      }
    }
  }
  return paths;
}

}  // namespace iris::symbolize
