// SPDX-License-Identifier: Apache-2.0
#include "enrich/owner_resolver.h"

#include <unistd.h>

#include <algorithm>

#include "enrich/owner_resolver_impl.h"

namespace iris::enrich {
namespace {

constexpr std::size_t kQueueCapacity = 1024;
constexpr std::uint64_t kCheckEveryNs = 1'000'000'000;
constexpr std::size_t kCheckAtOnce = 64;  // live cgroups compared with the hierarchy each time

}  // namespace

class OwnerResolver::Impl::Listener final : public RuntimeListener {
 public:
  Listener(RuntimeMessage::Source source, RuntimeQueue& queue) : source_(source), queue_(queue) {}
  void on_container(ContainerInfo info) override { queue_.push({source_, std::move(info)}); }
  void on_removed(std::string container_id, std::string runtime_namespace) override {
    queue_.push({source_, RuntimeMessage::Removed{std::move(container_id), std::move(runtime_namespace)}});
  }
  void on_status(RuntimeStatus status) override { queue_.push({source_, std::move(status)}); }

 private:
  RuntimeMessage::Source source_;
  RuntimeQueue& queue_;
};

OwnerResolver::Impl::Impl(OwnerResolverOptions options, RuntimeClientFactory factory)
    : options_(std::move(options)),
      index_(options_.cgroup_root, options_.max_owners,
             [this](std::uint64_t id, const CgroupIndex::Entry& entry) { detach(id, entry); }),
      queue_(kQueueCapacity) {
  std::vector<RuntimeWatcher::Target> targets;
  const auto add = [&](bool use, RuntimeMessage::Source source, const char* runtime, const std::string& endpoint) {
    if (!use || endpoint.empty()) return;
    listeners_.push_back(std::make_unique<Listener>(source, queue_));
    targets.push_back({runtime, endpoint, listeners_.back().get()});
    RuntimeStatus& status = statuses_[runtime];
    status.runtime = runtime;
    status.endpoint = endpoint;
    status.detail = "no socket there";
  };
  add(options_.use_docker, RuntimeMessage::Source::docker, "docker", options_.docker_socket);
  add(options_.use_containerd, RuntimeMessage::Source::containerd, "containerd", options_.containerd_socket);
  watcher_ = std::make_unique<RuntimeWatcher>(std::move(targets), std::move(factory));
}

void OwnerResolver::Impl::start() {
  for (const std::uint64_t id : index_.scan()) owner(id);
  watcher_->start();
}

void OwnerResolver::Impl::stop() {
  queue_.close();  // first, since a client may wait for room in it
  watcher_->stop();
}

std::vector<flow::ContainerRecord> OwnerResolver::Impl::poll(std::uint64_t now_wall_ns) {
  now_wall_ns_ = now_wall_ns;
  for (RuntimeMessage& message : queue_.drain()) take(std::move(message));
  if (now_wall_ns >= next_check_wall_ns_) {
    next_check_wall_ns_ = now_wall_ns + kCheckEveryNs;
    for (const std::uint64_t id : index_.find_vanished(kCheckAtOnce)) cgroup_removed(id);
  }
  std::vector<flow::ContainerRecord> records;
  records.swap(pending_records_);
  std::vector<std::string> dirty;
  dirty.swap(dirty_);
  for (const std::string& key : dirty) {
    const auto found = containers_.find(key);
    if (found != containers_.end()) announce(found->second, records);
  }
  first_poll_ = false;
  return records;
}

void OwnerResolver::Impl::cgroup_added(std::uint64_t id, std::string path, std::uint64_t wall_ns) {
  if (path.empty()) path = "/";
  CgroupIndex::Entry* known = index_.peek(id);
  if (known != nullptr && known->alive && known->path == path) {  // the scan was faster
    known->since_wall_ns = wall_ns;
    return attach(id, *known);
  }
  CgroupIndex::Entry& entry = index_.add(id, std::move(path));
  entry.since_wall_ns = wall_ns;
  attach(id, entry);
}

void OwnerResolver::Impl::cgroup_removed(std::uint64_t id) {
  const CgroupIndex::Entry* entry = index_.peek(id);
  if (entry == nullptr || !entry->alive) return;
  cgroup_died(id);
  index_.remove(id);
}

flow::OwnerPtr OwnerResolver::Impl::resolve(std::uint64_t id) {
  CgroupIndex::Entry& entry = index_.find_or_ask(id);
  if (!entry.owner) attach(id, entry);
  return entry.owner;
}

/// A start that lies ahead of us was told by a clock that has been set back since.
bool OwnerResolver::Impl::had_started(const Container& container, std::uint64_t wall_ns) const {
  return container.since_wall_ns <= wall_ns || container.since_wall_ns > now_wall_ns_;
}

flow::OwnerPtr OwnerResolver::Impl::owner_of_address(const base::IpAddress& address, std::uint64_t wall_ns) const {
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return nullptr;
  const auto container = containers_.find(found->second);
  if (container == containers_.end() || !had_started(container->second, wall_ns)) return nullptr;
  return container->second.owner;
}

std::optional<OwnerResolver::Published> OwnerResolver::Impl::published(std::uint8_t protocol,
                                                                       const base::IpAddress& host_address,
                                                                       std::uint16_t host_port,
                                                                       std::uint64_t wall_ns) const {
  const auto [first, last] = ports_.equal_range(host_port);
  for (auto at = first; at != last; ++at) {
    const auto& [key, port] = at->second;
    const bool same_address = port.host_address == host_address || port.host_address.is_unspecified();
    if (port.protocol != protocol || !same_address) continue;
    const auto found = containers_.find(key);
    if (found != containers_.end() && had_started(found->second, wall_ns)) {
      return Published{found->second.owner, port.container_port};
    }
  }
  return std::nullopt;
}

bool OwnerResolver::Impl::has_own_network(const flow::Owner& owner) const {
  if (owner.kind != flow::OwnerKind::container) return false;
  const auto found = find_container(owner.container_id);
  return found != containers_.end() && !found->second.merged.addresses.empty();
}

OwnerResolver::Impl::Containers::const_iterator OwnerResolver::Impl::find_container(
    const std::string& container_id) const {
  const auto found = containers_.find(container_id);
  if (found != containers_.end()) return found;
  // A name, unique only within its namespace: rare, and only asked for at exits.
  return std::find_if(containers_.begin(), containers_.end(),
                      [&](const auto& item) { return item.second.id == container_id; });
}

std::uint32_t OwnerResolver::Impl::main_pid(const std::string& container_id) const {
  const auto found = find_container(container_id);
  return found == containers_.end() ? 0 : found->second.last_pid;
}

std::string OwnerResolver::Impl::root_path(const std::string& container_id) const {
  const auto found = find_container(container_id);
  if (found == containers_.end()) return {};
  const ContainerInfo& info = found->second.merged;
  if (!info.root_path.empty() && access(info.root_path.c_str(), F_OK) == 0) return info.root_path;
  const std::string by_process = info.pid != 0 ? "/proc/" + std::to_string(info.pid) + "/root" : std::string();
  if (info.root_path.empty() || (!by_process.empty() && access(by_process.c_str(), F_OK) == 0)) return by_process;
  return info.root_path;  // unmounted, but its name leads to the layers below
}

std::vector<flow::ContainerRecord> OwnerResolver::Impl::containers() const {
  std::vector<flow::ContainerRecord> records;
  for (const auto& [key, container] : containers_) {
    if (container.alive()) records.push_back(record_of(container, flow::ContainerRecord::Change::present));
  }
  return records;
}

std::vector<RuntimeStatus> OwnerResolver::Impl::runtimes() const {
  std::vector<RuntimeStatus> statuses;
  for (const auto& [runtime, status] : statuses_) {
    statuses.push_back(status);
    if (ignored_containers_ > 0) {
      statuses.back().detail += "; " + std::to_string(ignored_containers_) + " containers over the limit were ignored";
    }
  }
  return statuses;
}

OwnerResolver::OwnerResolver(OwnerResolverOptions options)
    : OwnerResolver(std::move(options), make_client_from_module) {}
OwnerResolver::OwnerResolver(OwnerResolverOptions options, RuntimeClientFactory factory)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(factory))) {}
OwnerResolver::~OwnerResolver() { stop(); }

void OwnerResolver::start() { impl_->start(); }
void OwnerResolver::stop() { impl_->stop(); }
std::vector<flow::ContainerRecord> OwnerResolver::poll(std::uint64_t now_wall_ns) { return impl_->poll(now_wall_ns); }
void OwnerResolver::cgroup_added(std::uint64_t cgroup_id, std::string path, std::uint64_t wall_ns) {
  impl_->cgroup_added(cgroup_id, std::move(path), wall_ns);
}
void OwnerResolver::cgroup_removed(std::uint64_t cgroup_id) { impl_->cgroup_removed(cgroup_id); }
flow::OwnerPtr OwnerResolver::owner(std::uint64_t cgroup_id) { return impl_->owner(cgroup_id); }
bool OwnerResolver::is_known(std::uint64_t cgroup_id) { return impl_->is_known(cgroup_id); }
flow::OwnerPtr OwnerResolver::owner_of_address(const base::IpAddress& address, std::uint64_t wall_ns) const {
  return impl_->owner_of_address(address, wall_ns);
}
std::optional<OwnerResolver::Published> OwnerResolver::published(std::uint8_t protocol,
                                                                 const base::IpAddress& host_address,
                                                                 std::uint16_t host_port,
                                                                 std::uint64_t wall_ns) const {
  return impl_->published(protocol, host_address, host_port, wall_ns);
}
bool OwnerResolver::has_own_network(const flow::Owner& owner) const { return impl_->has_own_network(owner); }
std::string OwnerResolver::root_path(const std::string& container_id) const { return impl_->root_path(container_id); }
std::uint32_t OwnerResolver::main_pid(const std::string& container_id) const { return impl_->main_pid(container_id); }
std::vector<flow::ContainerRecord> OwnerResolver::containers() const { return impl_->containers(); }
std::vector<RuntimeStatus> OwnerResolver::runtimes() const { return impl_->runtimes(); }
std::size_t OwnerResolver::size() const { return impl_->size(); }

}  // namespace iris::enrich
