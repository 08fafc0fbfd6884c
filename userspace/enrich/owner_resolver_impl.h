// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "enrich/cgroup_index.h"
#include "enrich/container_merge.h"
#include "enrich/message_queue.h"
#include "enrich/owner_resolver.h"
#include "enrich/runtime_module.h"

namespace iris::enrich {

/// One message of a client's thread to the event loop.
struct RuntimeMessage {
  enum class Source : std::uint8_t { docker, containerd };
  struct Removed {
    std::string id;
    std::string runtime_namespace;
  };
  Source source = Source::docker;
  std::variant<ContainerInfo, Removed, RuntimeStatus> body;
};
using RuntimeQueue = MessageQueue<RuntimeMessage>;

/// Everything here belongs to the event loop's thread, but for the queue.
class OwnerResolver::Impl {
 public:
  Impl(OwnerResolverOptions options, RuntimeClientFactory factory);

  void start();
  void stop();
  std::vector<flow::ContainerRecord> poll(std::uint64_t now_wall_ns);
  void cgroup_added(std::uint64_t id, std::string path, std::uint64_t wall_ns);
  void cgroup_removed(std::uint64_t id);

  flow::OwnerPtr owner(std::uint64_t id) {
    CgroupIndex::Entry* entry = index_.find(id);
    if (entry != nullptr && entry->owner) return entry->owner;
    return resolve(id);
  }
  bool is_known(std::uint64_t id) { return index_.find_or_ask(id).known; }

  flow::OwnerPtr owner_of_address(const base::IpAddress& address, std::uint64_t wall_ns) const;
  std::optional<Published> published(std::uint8_t protocol, const base::IpAddress& host_address,
                                     std::uint16_t host_port, std::uint64_t wall_ns) const;
  bool has_own_network(const flow::Owner& owner) const;
  std::string root_path(const std::string& container_id) const;
  std::uint32_t main_pid(const std::string& container_id) const;
  std::vector<flow::ContainerRecord> containers() const;
  std::vector<RuntimeStatus> runtimes() const;
  std::size_t size() const { return index_.size() + containers_.size(); }

 private:
  struct Container {
    std::string id;
    std::string path_runtime;              // what the path told
    std::optional<ContainerInfo> docker;   // kept after removal, for late events
    std::optional<ContainerInfo> containerd;
    bool in_docker = false;                // the runtime still has it, running or not
    bool in_containerd = false;
    ContainerInfo merged;
    std::uint32_t last_pid = 0;            // of the main process; outlives it, for its exit record
    std::unordered_set<std::uint64_t> cgroups;  // all that the index holds of it
    std::size_t live_cgroups = 0;
    std::uint64_t own_cgroup = 0;          // the newest one that is the container's own group
    std::uint64_t since_wall_ns = 0;       // that one was made at; 0: before anybody looked
    flow::OwnerPtr owner;                  // of its own cgroup
    // What the last record said.
    bool announced = false;
    bool lived = false;                    // was alive at some time since then
    flow::OwnerPtr announced_owner;
    std::uint32_t announced_pid = 0;
    std::vector<base::IpAddress> announced_addresses;
    bool dirty = false;
    bool buried = false;                   // waits in graves_

    bool alive() const { return live_cgroups > 0 || merged.pid != 0; }
  };
  using Containers = std::unordered_map<std::string, Container>;
  Containers::const_iterator find_container(const std::string& container_id) const;
  bool had_started(const Container& container, std::uint64_t wall_ns) const;

  /// What the path of a cgroup, and what containerd confirmed, make of it.
  struct Classified {
    CgroupPath path;
    std::string key;        // of the container; empty when it is none
    std::string candidate;  // key of a container that nobody has confirmed yet
  };
  Classified classify(const std::string& path) const;

  flow::OwnerPtr resolve(std::uint64_t id);
  void attach(std::uint64_t id, CgroupIndex::Entry& entry);
  void detach(std::uint64_t id, const CgroupIndex::Entry& entry);
  void cgroup_died(std::uint64_t id);
  void reclassify(const std::string& candidate);
  void note_namespace(const std::string& runtime_namespace);

  void take(RuntimeMessage message);
  void take_info(RuntimeMessage::Source source, ContainerInfo info);
  void take_removed(RuntimeMessage::Source source, const RuntimeMessage::Removed& removed);
  void take_status(RuntimeStatus status);
  void refresh(const std::string& key, Container& container);
  void publish(Container& container, std::uint64_t id, CgroupIndex::Entry& entry);
  void refresh_addresses(const std::string& key, const std::vector<base::IpAddress>& before,
                         const std::vector<base::IpAddress>& after);
  void refresh_ports(const std::string& key, const std::vector<PublishedPort>& before,
                     const std::vector<PublishedPort>& after);
  void mark_dirty(const std::string& key, Container& container);
  void make_owner_object(Container& container) const;
  void bury_if_dead(const std::string& key, Container& container);
  void announce(Container& container, std::vector<flow::ContainerRecord>& records) const;
  flow::ContainerRecord record_of(const Container& container, flow::ContainerRecord::Change change) const;

  OwnerResolverOptions options_;
  CgroupIndex index_;
  Containers containers_;
  std::map<std::string, std::vector<std::uint64_t>> candidates_;  // by key "NAMESPACE/ID"
  std::set<std::string> namespaces_;                              // of containerd, seen so far
  std::unordered_map<base::IpAddress, std::string, base::IpAddressHash> addresses_;
  std::multimap<std::uint16_t, std::pair<std::string, PublishedPort>> ports_;  // by host port: key, port
  std::vector<std::string> dirty_;
  std::vector<flow::ContainerRecord> pending_records_;  // of containers forgotten before the poll
  std::deque<std::string> graves_;  // dead and unclaimed, oldest first
  std::map<std::string, RuntimeStatus> statuses_;
  std::uint64_t ignored_containers_ = 0;  // over the limit
  std::uint64_t now_wall_ns_ = 0;
  std::uint64_t next_check_wall_ns_ = 0;
  bool first_poll_ = true;

  class Listener;
  RuntimeQueue queue_;
  std::vector<std::unique_ptr<RuntimeListener>> listeners_;
  std::unique_ptr<RuntimeWatcher> watcher_;  // goes first: its clients use the listeners
};

}  // namespace iris::enrich
