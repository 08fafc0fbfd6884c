// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "flow/owner.h"

namespace iris::enrich {

/// Cgroup id <-> path of one hierarchy (v2, or a v1 controller), in bounded
/// memory. Ids are those of the kernel's programs: taken from the file handle,
/// since the inode number is the same only on 64-bit kernels. For a root that
/// is no cgroup file system (tests) the inode number stands in.
///
/// At most `max_entries` are held. Those alive stay, up to three quarters of
/// that; removed ones, ids that lead nowhere, and live ones over the limit
/// (counted) take the last quarter, the least recently used going first.
class CgroupIndex {
 public:
  struct Entry {
    std::string path;        // below the root, "/" for the root; empty when not known
    flow::OwnerPtr owner;    // a place for the caller's own; null until the caller sets it
    bool alive = false;
    bool known = false;      // the id has a path
    std::uint64_t since_wall_ns = 0;  // made at; 0: before anybody looked
  };
  /// Told of an entry before it is forgotten.
  using EvictFunction = std::function<void(std::uint64_t id, const Entry& entry)>;

  CgroupIndex(std::string root, std::size_t max_entries, EvictFunction on_evict = {});

  /// Takes in what exists below the root. Returns the ids that are new.
  std::vector<std::uint64_t> scan();

  /// Announces a cgroup. An id known before gets the new path and loses its owner.
  Entry& add(std::uint64_t id, std::string path);
  /// The cgroup is gone; it stays known until its place is needed.
  void remove(std::uint64_t id);
  /// The entry of an id, or null. One look-up.
  Entry* find(std::uint64_t id);
  /// As find(), without counting as a use.
  Entry* peek(std::uint64_t id);
  const Entry* peek(std::uint64_t id) const;
  /// As find(), but asks the kernel for an id that nobody announced, once: an
  /// id that leads nowhere is remembered as such. Never null.
  Entry& find_or_ask(std::uint64_t id);

  /// Compares the next `count` live entries with the hierarchy, and returns
  /// those that are gone without a word (a lost event); call remove() on them.
  std::vector<std::uint64_t> find_vanished(std::size_t count);

  /// Id of a path below the root, from the kernel.
  std::optional<std::uint64_t> id_of_path(const std::string& path) const;

  std::size_t size() const { return slots_.size(); }
  std::size_t live() const { return live_; }
  /// Live cgroups that found no lasting place since the start.
  std::uint64_t over_limit_total() const { return over_limit_total_; }
  const std::string& root() const { return root_; }

 private:
  struct Slot {
    Entry entry;
    bool evictable = false;
    std::list<std::uint64_t>::iterator age;  // valid when evictable
  };
  using Slots = std::unordered_map<std::uint64_t, Slot>;

  void pin(Slot& slot);
  void make_evictable(std::uint64_t id, Slot& slot);
  void evict_oldest();
  std::optional<std::string> path_by_handle(std::uint64_t id);

  std::string root_;
  std::size_t max_entries_;
  std::size_t max_live_;
  std::size_t max_evictable_;
  EvictFunction on_evict_;
  base::UniqueFd root_fd_;
  bool is_cgroup_fs_ = false;
  bool handles_allowed_ = true;  // open_by_handle_at needs CAP_DAC_READ_SEARCH
  std::uint64_t next_rescan_ns_ = 0;
  Slots slots_;
  std::list<std::uint64_t> ages_;  // evictable ids, least recently used first
  std::size_t live_ = 0;           // pinned
  std::size_t verify_bucket_ = 0;
  std::uint64_t over_limit_total_ = 0;
};

}  // namespace iris::enrich
