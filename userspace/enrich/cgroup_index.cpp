// SPDX-License-Identifier: Apache-2.0
#include "enrich/cgroup_index.h"

#include <fcntl.h>
#include <fts.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>

namespace iris::enrich {
namespace {

constexpr int kKernfsHandle = 0xfe;  // FILEID_KERNFS: the handle is the 64-bit node id
constexpr std::uint64_t kRescanPauseNs = 1'000'000'000;
constexpr std::size_t kMinimumEntries = 64;

struct KernfsHandle {
  file_handle head;
  std::uint64_t id;  // f_handle
};

std::uint64_t monotonic_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

/// Id of the directory `path` relative to `directory_fd`.
std::optional<std::uint64_t> id_at(int directory_fd, const char* path) {
  alignas(file_handle) unsigned char buffer[sizeof(file_handle) + MAX_HANDLE_SZ];
  auto* handle = new (buffer) file_handle{};
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  const int flags = *path == '\0' ? AT_EMPTY_PATH : 0;
  if (name_to_handle_at(directory_fd, path, handle, &mount_id, flags) == 0) {
    if (handle->handle_type == kKernfsHandle && handle->handle_bytes == sizeof(std::uint64_t)) {
      std::uint64_t id = 0;
      std::memcpy(&id, buffer + sizeof(file_handle), sizeof(id));
      return id;
    }
  } else if (errno != EOPNOTSUPP && errno != EOVERFLOW) {
    return std::nullopt;
  }
  struct stat status {};
  if (fstatat(directory_fd, path, &status, flags | AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status.st_ino;
}

const char* relative(const std::string& path) {
  const char* text = path.c_str();
  while (*text == '/') ++text;
  return text;
}

}  // namespace

CgroupIndex::CgroupIndex(std::string root, std::size_t max_entries, EvictFunction on_evict)
    : root_(std::move(root)),
      max_entries_(std::max(max_entries, kMinimumEntries)),
      max_live_(max_entries_ - max_entries_ / 4),
      max_evictable_(max_entries_ / 4),
      on_evict_(std::move(on_evict)) {
  while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
  root_fd_.reset(open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct statfs status {};
  if (root_fd_ && fstatfs(root_fd_.get(), &status) == 0) {
    is_cgroup_fs_ = status.f_type == CGROUP2_SUPER_MAGIC || status.f_type == CGROUP_SUPER_MAGIC;
  }
}

std::vector<std::uint64_t> CgroupIndex::scan() {
  std::vector<std::uint64_t> fresh;
  if (!root_fd_) return fresh;
  char* roots[] = {root_.data(), nullptr};
  FTS* tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr);
  if (tree == nullptr) return fresh;
  while (FTSENT* node = fts_read(tree)) {
    if (node->fts_info != FTS_D) continue;
    std::string path = node->fts_path + root_.size();
    if (root_ == "/") path.insert(0, "/");
    const auto id = id_at(root_fd_.get(), relative(path));
    if (!id) continue;  // gone meanwhile
    if (path.empty()) path = "/";
    Entry* known = find(*id);
    if (known != nullptr && known->alive && known->path == path) continue;
    add(*id, std::move(path));
    fresh.push_back(*id);
  }
  fts_close(tree);
  return fresh;
}

void CgroupIndex::pin(Slot& slot) {
  if (slot.evictable) {
    ages_.erase(slot.age);
    slot.evictable = false;
  }
  ++live_;
}

void CgroupIndex::make_evictable(std::uint64_t id, Slot& slot) {
  while (ages_.size() >= max_evictable_) evict_oldest();
  slot.age = ages_.insert(ages_.end(), id);
  slot.evictable = true;
}

void CgroupIndex::evict_oldest() {
  const auto oldest = slots_.find(ages_.front());
  ages_.pop_front();
  if (on_evict_) on_evict_(oldest->first, oldest->second.entry);
  slots_.erase(oldest);
}

CgroupIndex::Entry& CgroupIndex::add(std::uint64_t id, std::string path) {
  auto found = slots_.find(id);
  if (found == slots_.end()) {
    found = slots_.try_emplace(id).first;
    if (live_ < max_live_) {
      pin(found->second);
    } else {
      make_evictable(id, found->second);
      ++over_limit_total_;
    }
  } else if (on_evict_) {
    on_evict_(id, found->second.entry);  // it is another cgroup from now on
  }
  Slot& slot = found->second;
  if (slot.evictable && live_ < max_live_) pin(slot);
  slot.entry = Entry{std::move(path), nullptr, true, true};
  return slot.entry;
}

void CgroupIndex::remove(std::uint64_t id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return;
  found->second.entry.alive = false;
  if (found->second.evictable) return;
  --live_;
  make_evictable(id, found->second);
}

CgroupIndex::Entry* CgroupIndex::find(std::uint64_t id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return nullptr;
  if (found->second.evictable) ages_.splice(ages_.end(), ages_, found->second.age);
  return &found->second.entry;
}

CgroupIndex::Entry* CgroupIndex::peek(std::uint64_t id) {
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : &found->second.entry;
}

const CgroupIndex::Entry* CgroupIndex::peek(std::uint64_t id) const {
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : &found->second.entry;
}

CgroupIndex::Entry& CgroupIndex::find_or_ask(std::uint64_t id) {
  if (Entry* entry = find(id)) return *entry;
  if (auto path = path_by_handle(id)) return add(id, std::move(*path));
  // Without the right to open by handle only a walk helps; not for each id.
  const std::uint64_t now_ns = monotonic_ns();
  if (is_cgroup_fs_ && !handles_allowed_ && now_ns >= next_rescan_ns_) {
    next_rescan_ns_ = now_ns + kRescanPauseNs;
    scan();
    if (Entry* entry = find(id)) return *entry;
  }
  Slot& slot = slots_.try_emplace(id).first->second;
  make_evictable(id, slot);
  return slot.entry;
}

std::vector<std::uint64_t> CgroupIndex::find_vanished(std::size_t count) {
  std::vector<std::uint64_t> vanished;
  if (!is_cgroup_fs_ || slots_.empty()) return vanished;
  const std::size_t buckets = slots_.bucket_count();
  for (std::size_t seen = 0; seen < buckets && count > 0; ++seen) {
    verify_bucket_ = (verify_bucket_ + 1) % buckets;
    for (auto it = slots_.begin(verify_bucket_); it != slots_.end(verify_bucket_); ++it) {
      if (!it->second.entry.alive) continue;
      if (count > 0) --count;
      // The same path may be another cgroup by now.
      if (id_of_path(it->second.entry.path) != it->first) vanished.push_back(it->first);
    }
  }
  return vanished;
}

std::optional<std::uint64_t> CgroupIndex::id_of_path(const std::string& path) const {
  if (!root_fd_) return std::nullopt;
  return id_at(root_fd_.get(), relative(path));
}

std::optional<std::string> CgroupIndex::path_by_handle(std::uint64_t id) {
  if (!is_cgroup_fs_ || id == 0) return std::nullopt;
  alignas(KernfsHandle) unsigned char buffer[sizeof(KernfsHandle)];
  auto* handle = new (buffer) file_handle{};
  handle->handle_bytes = sizeof(id);
  handle->handle_type = kKernfsHandle;
  std::memcpy(buffer + sizeof(file_handle), &id, sizeof(id));
  const base::UniqueFd fd(open_by_handle_at(root_fd_.get(), handle, O_PATH | O_CLOEXEC));
  if (!fd) {
    if (errno == EPERM) handles_allowed_ = false;
    return std::nullopt;
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;  // a file has an id as well
  char link[32];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd.get());
  char target[PATH_MAX];
  const ssize_t length = readlink(link, target, sizeof(target));
  if (length <= 0) return std::nullopt;
  std::string path(target, static_cast<std::size_t>(length));
  if (path.ends_with(" (deleted)")) return std::nullopt;
  if (path == root_) return "/";
  if (root_ == "/" || !path.starts_with(root_ + "/")) return path;
  return path.substr(root_.size());
}

}  // namespace iris::enrich
