// SPDX-License-Identifier: Apache-2.0
#include "pipeline/conversations.h"

#include <algorithm>

namespace iris::pipeline {
namespace {

/// The other end's record may come a window later.
constexpr std::uint64_t kLearntForNs = 60ULL * 1'000'000'000;
/// An event as its two ends see it.
constexpr std::uint64_t kApartNs = 1'000'000'000;

/// Docker's user-land proxy, as moby names it. It runs in dockerd's own group.
bool is_proxy(const flow::FlowRecord& flow) {
  return flow.owner->kind != flow::OwnerKind::container &&
         std::find(flow.processes.begin(), flow.processes.end(), "docker-proxy") != flow.processes.end();
}

bool same_container(const flow::OwnerPtr& a, const flow::Owner& b) {
  return a && !b.container_id.empty() && a->container_id == b.container_id;
}

}  // namespace

void Conversations::forget_old() {
  std::erase_if(learnt_, [this](const auto& entry) { return entry.second.back().until_wall_ns < now_wall_ns_; });
}

void Conversations::learn(const flow::FlowRecord& flow) {
  now_wall_ns_ = std::max(now_wall_ns_, flow.window_end_wall_ns);
  if (!flow.local_address || flow.owner->kind != flow::OwnerKind::container) return;
  const base::IpAddress& local = *flow.local_address;
  if (local.is_loopback() || host_addresses_.contains(local)) return;
  if (learnt_.size() >= kMaxLearnt && !learnt_.contains(local)) {
    forget_old();
    if (learnt_.size() >= kMaxLearnt) return;
  }
  std::vector<Learnt>& owners = learnt_[local];
  auto known = std::find_if(owners.begin(), owners.end(),
                            [&](const Learnt& one) { return same_container(one.owner, *flow.owner); });
  if (known == owners.end()) {
    if (owners.size() >= kMaxOwnersOfOne) owners.erase(owners.begin());
    known = owners.insert(owners.end(), {flow.owner, flow.first_seen_wall_ns, 0});
  }
  known->owner = flow.owner;
  known->since_wall_ns = std::min(known->since_wall_ns, flow.first_seen_wall_ns);
  known->until_wall_ns = flow.window_end_wall_ns + kLearntForNs;
  std::sort(owners.begin(), owners.end(),
            [](const Learnt& a, const Learnt& b) { return a.since_wall_ns < b.since_wall_ns; });
}

flow::OwnerPtr Conversations::owner_of_address(const base::IpAddress& address, std::uint64_t wall_ns) const {
  if (flow::OwnerPtr known = lookups_.owner_of_address(address, wall_ns)) return known;
  const auto found = learnt_.find(address);
  if (found == learnt_.end()) return nullptr;
  // The newest that had it by then. The two ends of one event are seen a moment apart.
  const std::vector<Learnt>& owners = found->second;
  const auto at = std::find_if(owners.rbegin(), owners.rend(), [&](const Learnt& one) {
    return one.since_wall_ns <= wall_ns && one.until_wall_ns >= now_wall_ns_;
  });
  if (at != owners.rend()) return at->owner;
  const Learnt& first = owners.front();
  return first.since_wall_ns <= wall_ns + kApartNs && first.until_wall_ns >= now_wall_ns_ ? first.owner : nullptr;
}

bool Conversations::is_this_host(const base::IpAddress& address, const flow::Owner& seen_from) const {
  if (address.is_loopback() || address.is_unspecified()) return !lookups_.has_own_network(seen_from);
  return host_addresses_.contains(address);
}

std::optional<Conversations::Published> Conversations::published_at(const flow::FlowRecord& flow,
                                                                    const base::IpAddress& address) const {
  if (!is_this_host(address, *flow.owner)) return std::nullopt;
  auto found = lookups_.published(flow.protocol, address, flow.service_port, flow.last_seen_wall_ns);
  if (found && !found->owner) found.reset();
  return found;
}

bool Conversations::conclude(flow::FlowRecord& flow) const {
  if (!flow.peer_address || !flow.owner) return true;
  flow.peer_owner = owner_of_address(*flow.peer_address, flow.last_seen_wall_ns);
  return flow.role == flow::Role::originator ? conclude_originator(flow) : conclude_responder(flow);
}

bool Conversations::conclude_originator(flow::FlowRecord& flow) const {
  if (flow.peer_owner) return !is_proxy(flow);  // the proxy's inner end
  if (const auto target = published_at(flow, *flow.peer_address)) flow.peer_owner = target->owner;
  return true;
}

bool Conversations::conclude_responder(flow::FlowRecord& flow) const {
  if (!flow.local_address) return true;
  bool reached_as_container = same_container(owner_of_address(*flow.local_address, flow.last_seen_wall_ns), *flow.owner);
  if (is_proxy(flow)) {
    const auto target = published_at(flow, *flow.local_address);
    if (!target) return true;
    flow.owner = target->owner;
    flow.service_port = target->container_port;
    flow.processes.clear();  // whose they are is not known out here
    flow.attribution = std::max(flow.attribution, flow::Attribution::socket);
    reached_as_container = true;
  }
  if (!reached_as_container) return true;
  const bool opened_here = flow.peer_owner || host_addresses_.contains(*flow.peer_address) ||
                           flow.peer_address->is_loopback();
  return !opened_here;
}

}  // namespace iris::pipeline
