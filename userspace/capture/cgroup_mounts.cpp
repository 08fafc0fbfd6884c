// SPDX-License-Identifier: Apache-2.0
#include "capture/cgroup_mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

namespace iris::capture {
namespace {

using Kind = base::Error::Kind;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

base::UniqueFd open_directory(const std::string& path) {
  return base::UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/// The hierarchy's very root has no cgroup.events; the root of a cgroup namespace
/// or of a bind mount has.
bool is_true_root(const std::string& path) { return access((path + "/cgroup.events").c_str(), F_OK) != 0; }

base::Result<base::UniqueFd> open_given_root(const std::string& path) {
  base::UniqueFd fd = open_directory(path);
  struct statfs info{};
  if (!fd || fstatfs(fd.get(), &info) != 0) {
    return base::fail_errno("cannot open the cgroup2 root " + path, errno, Kind::usage);
  }
  if (info.f_type != CGROUP2_SUPER_MAGIC) return base::fail(path + " is not in a cgroup2 hierarchy", Kind::usage);
  return fd;
}

/// A mount that is attached nowhere: seen by nobody else, gone with its descriptor.
base::Result<base::UniqueFd> mount_privately() {
  const char* what = "no cgroup2 hierarchy is mounted, and mounting one privately failed; mount it with "
                     "\"mount -t cgroup2 none DIRECTORY\", or grant CAP_SYS_ADMIN";
  const base::UniqueFd context(fsopen("cgroup2", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return base::fail_errno(what, errno, errno == EPERM ? Kind::permission : Kind::unsupported);
  }
  base::UniqueFd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount) return base::fail_errno(what, errno, errno == EPERM ? Kind::permission : Kind::unsupported);
  // The mount's descriptor is only a path; programs attach to a directory that is open.
  base::UniqueFd root(openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return base::fail_errno(what, errno, Kind::unsupported);
  return root;
}

bool has_v1_controllers(const std::vector<CgroupMount>& mounts) {
  return std::any_of(mounts.begin(), mounts.end(), [](const CgroupMount& mount) {
    const auto named = [](const std::string& option) { return option.starts_with("name="); };
    return !mount.v2 && std::none_of(mount.options.begin(), mount.options.end(), named);
  });
}

base::Result<void> choose_v1(CgroupRoots& roots, const std::vector<CgroupMount>& mounts,
                             const std::string& controller) {
  const auto id = read_hierarchy_id("/proc/cgroups", controller);
  if (!id) {
    return base::fail("this kernel has no cgroup controller named \"" + controller + "\"; /proc/cgroups lists them",
                      Kind::unsupported);
  }
  const auto mount = std::find_if(mounts.begin(), mounts.end(), [&](const CgroupMount& candidate) {
    return !candidate.v2 &&
           std::find(candidate.options.begin(), candidate.options.end(), controller) != candidate.options.end();
  });
  if (*id == 0 || mount == mounts.end()) {
    return base::fail("the controller \"" + controller + "\" is not mounted in a cgroup v1 hierarchy; leave the choice "
                      "of a v1 controller away to use cgroup2", Kind::unsupported);
  }
  roots.owner_hierarchy = *id;
  roots.owner_path = mount->path;
  roots.mode = "v1";
  return {};
}

}  // namespace

std::vector<CgroupMount> read_cgroup_mounts(const std::string& mounts_path) {
  std::vector<CgroupMount> mounts;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(setmntent(mounts_path.c_str(), "re"), endmntent);
  if (file == nullptr) return mounts;
  mntent entry{};
  std::array<char, 4096> text{};
  while (getmntent_r(file.get(), &entry, text.data(), static_cast<int>(text.size())) != nullptr) {
    const std::string type = entry.mnt_type;
    if (type != "cgroup" && type != "cgroup2") continue;
    mounts.push_back({entry.mnt_dir, type == "cgroup2", split(entry.mnt_opts, ',')});
  }
  return mounts;
}

std::optional<std::uint32_t> read_hierarchy_id(const std::string& cgroups_path, const std::string& controller) {
  std::ifstream file(cgroups_path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream columns(line);
    std::string name;
    std::uint32_t hierarchy = 0;
    if (columns >> name >> hierarchy && name == controller) return hierarchy;
  }
  return std::nullopt;
}

base::Result<CgroupRoots> find_cgroup_roots(const std::string& cgroup2_root, const std::string& v1_controller) {
  const std::vector<CgroupMount> mounts = read_cgroup_mounts("/proc/self/mounts");
  CgroupRoots roots;
  roots.mode = has_v1_controllers(mounts) ? "hybrid" : "v2";
  if (!cgroup2_root.empty()) {
    auto given = open_given_root(cgroup2_root);
    if (!given) return tl::unexpected(given.error());
    roots.v2 = std::move(*given);
    roots.owner_path = cgroup2_root;
  } else {
    // The root itself sees every process; part of the tree (a container's view) is better than nothing.
    for (const bool wants_true_root : {true, false}) {
      for (const CgroupMount& mount : mounts) {
        if (roots.v2 || !mount.v2 || is_true_root(mount.path) != wants_true_root) continue;
        roots.v2 = open_directory(mount.path);
        roots.owner_path = mount.path;
      }
    }
  }
  if (!roots.v2) {
    auto mounted = mount_privately();
    if (!mounted) return tl::unexpected(mounted.error());
    roots.v2 = std::move(*mounted);
    roots.owner_path = "/proc/self/fd/" + std::to_string(roots.v2.get());
  }
  if (!v1_controller.empty()) {
    const auto chosen = choose_v1(roots, mounts, v1_controller);
    if (!chosen) return tl::unexpected(chosen.error());
  }
  return roots;
}

}  // namespace iris::capture
