// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "policy/text.h"

namespace iris::policy {
namespace {

using base::IpAddress;

constexpr std::size_t kMaxSeenAddresses = 4096;  // of a contact, while flows come in
constexpr std::size_t kMaxSeenNames = 256;
constexpr std::size_t kMaxOwnAddresses = 64;
constexpr std::size_t kMaxHostAddresses = 1024;  // of a gateway
constexpr std::size_t kMaxResolvers = 16;        // of an address
constexpr std::uint16_t kDns = 53;

bool add_sorted(std::vector<IpAddress>& list, const IpAddress& address, std::size_t most) {
  const auto place = std::lower_bound(list.begin(), list.end(), address);
  if (place != list.end() && *place == address) return true;
  if (list.size() >= most) return false;
  list.insert(place, address);
  return true;
}

bool is_own_address(const IpAddress& address) {
  return !address.is_loopback() && !address.is_unspecified() && !profile::is_group_address(address);
}

std::string owner_name(const flow::Owner& owner) {
  if (!owner.module_id.empty()) return owner.module_id;
  return owner.name.empty() ? owner.container_id.substr(0, 12) : owner.name;
}

std::string label_of(const flow::Owner& owner, const char* key) {
  const auto found = owner.labels.find(key);
  return found == owner.labels.end() ? std::string() : found->second;
}

auto order_of(const Rule& rule) { return std::tie(rule.role, rule.protocol, rule.port, rule.kind, rule.label); }

}  // namespace

profile::Observation observe(const flow::FlowRecord& record, Side side) {
  return side == Side::owner ? profile::observe(record) : profile::observe_from_peer(record);
}

std::string short_name(std::string_view key) {
  if (key.substr(0, 6) == "image/") return last_part(key.substr(6));
  for (const std::string_view kind : {"/container/", "/service/", "/host/", "/device/"}) {
    const auto found = key.find(kind);
    if (found != std::string_view::npos) return std::string(key.substr(found + kind.size()));
  }
  return last_part(key);
}

std::string Rule::text() const {
  return fmt::format("{} {} of {} ({})", role == flow::Role::originator ? "to" : "called on",
                     service_text(protocol, port), plain(label), profile::to_string(kind));
}

Builder::Builder(std::string key, const profile::Profile& profile) : key_(std::move(key)), profile_(profile) {
  for (const auto& contact : profile_.contacts().all()) {
    if (contact.standing != profile::Standing::learned) continue;
    Rule rule;
    rule.role = contact.role;
    rule.protocol = contact.protocol;
    rule.port = contact.port;
    rule.kind = contact.kind;
    rule.label = contact.label;
    seen_[contact.key].rule = std::move(rule);
  }
}

Builder::Seen* Builder::seen_of(const profile::Observation& observation, const flow::FlowRecord& record, Side side) {
  const auto key = profile::contact_key(observation.peer, profile::service_key(observation));
  const auto known = seen_.find(key);
  if (known != seen_.end()) return &known->second;
  // A call that was answered; of what it was part is the caller's profile to say.
  constexpr std::size_t kMaxCallers = 256;
  if (side != Side::called || observation.answered == 0 || record.folded || seen_.size() >= kMaxCallers) return nullptr;
  auto& made = seen_[key];
  made.rule.role = observation.role;
  made.rule.protocol = observation.protocol;
  made.rule.port = profile::service_port(observation.port);
  made.rule.kind = observation.peer.kind;
  made.rule.label = observation.peer.label;
  made.rule.called = true;
  return &made;
}

void Builder::note_place(const std::string& gateway, const flow::FlowRecord& record, Side side) {
  const bool device = side == Side::device;
  const auto& owner = side == Side::owner ? record.owner : record.peer_owner;
  const auto& address = side == Side::owner ? record.local_address : record.peer_address;
  const std::string name = device ? record.peer_device : owner ? owner_name(*owner) : std::string();
  auto found = places_.find({gateway, name});
  if (found == places_.end()) {
    if (places_.size() >= kMaxPlaces) {
      ++places_cut_;
      return;
    }
    found = places_.emplace(std::make_pair(gateway, name), PlaceSeen{}).first;
  }
  auto& [place, newest_ns] = found->second;
  place.gateway = gateway;
  place.name = name;
  place.device = device;
  // Addresses of containers that ended may be somebody else's by now.
  const bool replaced = owner && !device && owner->container_id != place.container_id;
  if (record.window_end_wall_ns < newest_ns && replaced) return;
  newest_ns = std::max(newest_ns, record.window_end_wall_ns);
  if (replaced) place.addresses.clear();
  if (owner && !device) {
    place.kind = owner->kind;
    place.container_id = owner->container_id;
    place.module_id = owner->module_id;
    place.cgroup_path = owner->cgroup_path;
    place.labels = owner->labels;
  }
  // What a neighbour called may be a published port of the host: not the container's own.
  if (side != Side::called && address && is_own_address(*address))
    add_sorted(place.addresses, *address, kMaxOwnAddresses);
}

void Builder::add(const std::string& gateway, const flow::FlowRecord& record, Side side) {
  note_place(gateway, record, side);
  const auto observation = observe(record, side);
  Seen* seen = seen_of(observation, record, side);
  if (seen == nullptr) return;
  if (observation.address) {
    if (observation.address->is_loopback()) {
      seen->rule.loopback = true;
    } else if (!observation.address->is_unspecified()) {
      const auto known = seen->addresses.find(*observation.address);
      if (known != seen->addresses.end()) ++known->second;
      else if (seen->addresses.size() < kMaxSeenAddresses) seen->addresses.emplace(*observation.address, 1);
      else ++seen->addresses_cut;
    }
  }
  if (side == Side::owner) {
    for (const auto& text : record.peer_names) {
      const auto known = seen->names.find(text);
      if (known != seen->names.end()) ++known->second;
      else if (seen->names.size() < kMaxSeenNames) seen->names.emplace(text, 1);
    }
  }
  const auto& peer = side == Side::owner ? record.peer_owner : record.owner;
  if (!peer) return;
  seen->rule.app = label_of(*peer, "app");
  seen->rule.pod_namespace = label_of(*peer, "io.kubernetes.pod.namespace");
}

void Builder::add_other(const std::string& gateway, const flow::FlowRecord& record) {
  if (!record.owner || record.owner->kind == flow::OwnerKind::container || !record.local_address) return;
  if (!is_own_address(*record.local_address)) return;
  if (record.role != flow::Role::originator || record.service_port != kDns) {
    add_sorted(host_addresses_[gateway], *record.local_address, kMaxHostAddresses);
    return;
  }
  // Not the host's for sure: a resolver may have asked from within a container.
  const std::pair from{gateway, *record.local_address};
  if (!record.peer_address || !is_own_address(*record.peer_address)) return;
  if (resolvers_.size() >= kMaxHostAddresses && resolvers_.count(from) == 0) return;
  add_sorted(resolvers_[from][record.protocol], *record.peer_address, kMaxResolvers);
}

void Builder::add_resolvers(Policy& policy) const {
  std::map<std::uint8_t, std::vector<Prefix>> asked;
  for (const auto& place : policy.places) {
    if (place.host_network) continue;
    for (const auto& address : place.addresses) {
      const auto found = resolvers_.find({place.gateway, address});
      if (found == resolvers_.end()) continue;
      for (const auto& [protocol, peers] : found->second)
        for (const auto& peer : peers) asked[protocol].push_back({peer, 128});
    }
  }
  for (auto& [protocol, prefixes] : asked) {
    Rule rule;
    rule.protocol = protocol;
    rule.port = kDns;
    rule.kind = profile::PeerKind::role;
    rule.label = "resolver";
    rule.addresses = merge(std::move(prefixes));
    rule.on_behalf = true;
    policy.notes.push_back(rule.text() + ": what the container engine's resolver asks for it, from the flows of these days");
    policy.rules.push_back(std::move(rule));
  }
  const bool through_engine = std::any_of(policy.rules.begin(), policy.rules.end(), [](const Rule& rule) {
    return rule.loopback && rule.port == kDns && rule.role == flow::Role::originator;
  });
  if (through_engine && asked.empty())
    policy.notes.emplace_back("it resolves names through a loopback address: if that is the container engine's resolver, which asks with the "
                              "workload's address, allow the resolver behind it by hand");
}

namespace {

/// The most used first, up to `most`.
template <typename Key>
std::vector<Key> most_used(const std::map<Key, std::uint64_t>& counts, std::size_t most) {
  std::vector<std::pair<std::uint64_t, Key>> order;
  for (const auto& [key, count] : counts) order.emplace_back(count, key);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (order.size() > most) order.resize(most);
  std::vector<Key> keys;
  for (auto& [count, key] : order) keys.push_back(std::move(key));
  std::sort(keys.begin(), keys.end());
  return keys;
}

void put_addresses(Rule& rule, const std::map<IpAddress, std::uint64_t>& addresses) {
  std::vector<Prefix> prefixes;
  // What the profile knows as a block or an address is that, wherever the flows went lately.
  if (rule.kind == profile::PeerKind::network || rule.kind == profile::PeerKind::lan)
    if (const auto block = Prefix::parse(rule.label)) prefixes.push_back(*block);
  for (const auto& [address, count] : addresses) prefixes.push_back({address, 128});
  rule.addresses = merge(prefixes);
  if (rule.addresses.size() <= Builder::kMaxAddresses) return;
  prefixes.clear();
  for (const auto& address : most_used(addresses, Builder::kMaxAddresses)) prefixes.push_back({address, 128});
  rule.addresses = merge(std::move(prefixes));
  rule.addresses_cut += addresses.size() - std::min(addresses.size(), Builder::kMaxAddresses);
}

}  // namespace

base::Result<Policy> Builder::finish(std::uint64_t start_wall_ns, std::uint64_t end_wall_ns, bool force) const {
  Policy policy;
  policy.key = key_;
  policy.name = short_name(key_);
  policy.maturity = profile_.maturity();
  policy.start_wall_ns = start_wall_ns;
  policy.end_wall_ns = end_wall_ns;
  policy.device = key_.substr(0, 6) != "image/" && key_.find("/device/") != std::string::npos;

  std::string why;
  if (policy.maturity == profile::Maturity::learning)
    why = fmt::format("the profile is still learning ({:.0f} % of its next contacts may be new)",
                      profile_.novelty_bound() * 100);
  if (policy.maturity == profile::Maturity::not_learnable)
    why = "the workload is not learnable: it keeps meeting new peers";
  if (!why.empty() && !force)
    return base::fail(plain(policy.name) + ": " + why +
                          "; a policy made from it would cut off what is normal. --force makes it all the same",
                      base::Error::Kind::usage);
  if (!why.empty()) policy.notes.push_back("FORCED: " + why + "; this policy will cut off what is normal");

  for (const auto& [key, seen] : seen_) {
    Rule rule = seen.rule;
    rule.addresses_cut = seen.addresses_cut;
    put_addresses(rule, seen.addresses);
    std::map<std::string, std::uint64_t> hosts;
    for (const auto& [text, count] : seen.names) {
      if (auto host = host_name(text); !host.empty()) hosts[host] += count;
      else policy.notes.push_back(rule.text() + ": '" + plain(text) + "' is no host name and left out");
    }
    rule.names = most_used(hosts, kMaxNames);
    if (hosts.size() > kMaxNames)
      policy.notes.push_back(fmt::format("{}: {} more host names are left out", rule.text(), hosts.size() - kMaxNames));
    if (rule.addresses_cut > 0)
      policy.notes.push_back(fmt::format("{}: {} more addresses are left out", rule.text(), rule.addresses_cut));
    if (rule.called)
      policy.notes.push_back(rule.text() + ": a neighbour on the host; not learned, but seen in the days of the flows");
    policy.rules.push_back(std::move(rule));
  }
  for (const auto& [key, seen] : places_) {
    Place place = seen.place;
    const auto host = host_addresses_.find(place.gateway);
    place.host_network = !place.device && place.kind != flow::OwnerKind::container;
    for (const auto& address : place.addresses)
      place.host_network |= host != host_addresses_.end() && !place.device &&
                            std::binary_search(host->second.begin(), host->second.end(), address);
    policy.places.push_back(std::move(place));
  }
  add_resolvers(policy);
  std::sort(policy.rules.begin(), policy.rules.end(),
            [](const Rule& a, const Rule& b) { return order_of(a) < order_of(b); });
  std::sort(policy.notes.begin(), policy.notes.end());
  if (policy.rules.empty()) policy.notes.emplace_back("nothing is normal for it yet: everything is denied");
  if (places_cut_ > 0) policy.notes.push_back(fmt::format("it runs in more than {} places; the rest is left out", kMaxPlaces));
  return policy;
}

}  // namespace iris::policy
