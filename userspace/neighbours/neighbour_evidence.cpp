// SPDX-License-Identifier: Apache-2.0
#include "neighbours/neighbour_evidence.h"

#include <algorithm>
#include <tuple>
#include <nlohmann/json.hpp>

namespace iris::neighbours {
namespace {

using identity::Evidence;
using identity::Source;
using nlohmann::json;

constexpr std::size_t kMaxAddresses = 32;  // more has only a router that answers for others

Evidence observed(Source source) {
  Evidence evidence;
  evidence.source = source;
  evidence.kind = flow::DeviceKind::observed;
  return evidence;
}

std::string text_of(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string host_name_of(const std::string& name) {
  json object = json::object();
  object["host_name"] = name;
  return text_of(object);
}

flow::DeviceAddress address_of(const base::IpAddress& ip) {
  flow::DeviceAddress address;
  address.ip = ip;
  return address;
}

}  // namespace

bool is_container_interface(const std::string& name) {
  for (const char* prefix : {"docker", "veth", "cni", "podman"}) {
    if (name.starts_with(prefix)) return true;
  }
  // As Docker names the bridge of a network; "br-lan" is somebody's own.
  return name.size() == 15 && name.starts_with("br-") &&
         name.find_first_not_of("0123456789abcdef", 3) == std::string::npos;
}

HostMemory::Result HostMemory::add(const Observation& seen, Time now) {
  Result result;
  skipped_now_ = 0;
  see(seen, now);
  forget(now, result);
  result.skipped += skipped_now_;

  std::set<base::IpAddress> known;
  for (const auto& [key, host] : hosts_) {
    Evidence evidence = observed(Source::neighbour_table);
    if (key.first.find(':') != std::string::npos && key.first.size() == 17) evidence.hardware_ids = {"mac:" + key.first};
    json configuration = json::object();
    configuration["interface"] = host.interface;
    if (host.router) configuration["router"] = true;
    evidence.configuration = text_of(configuration);
    for (const auto& [ip, last] : host.addresses) {
      evidence.addresses.push_back(address_of(ip));
      known.insert(ip);
    }
    result.evidence.push_back(std::move(evidence));
  }
  result.hosts = result.evidence.size();

  std::size_t leases = 0;
  for (const Lease& lease : seen.leases) {
    if (seen.own_addresses.contains(lease.address)) continue;
    if (leases >= max_hosts_) {
      ++result.skipped;
      continue;
    }
    ++leases;
    Evidence evidence = observed(Source::dhcp_lease);
    evidence.name = lease.host_name;
    if (!lease.mac.empty()) evidence.hardware_ids = {"mac:" + lease.mac};
    evidence.addresses = {address_of(lease.address)};
    if (!lease.host_name.empty()) evidence.configuration = host_name_of(lease.host_name);
    if (known.insert(lease.address).second) ++result.hosts;
    result.evidence.push_back(std::move(evidence));
  }
  std::set<base::IpAddress> named;
  for (const HostName& host : seen.host_names) {
    if (seen.own_addresses.contains(host.address) || !known.contains(host.address) || !named.insert(host.address).second) continue;
    Evidence evidence = observed(Source::host_name);
    evidence.name = host.name;
    evidence.addresses = {address_of(host.address)};
    evidence.configuration = host_name_of(host.name);
    result.evidence.push_back(std::move(evidence));
  }
  return result;
}

void HostMemory::see(const Observation& seen, Time now) {
  // In order of address, whichever way the kernel listed them.
  std::vector<const NeighbourEntry*> entries;
  for (const NeighbourEntry& entry : seen.neighbours) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
    return std::tie(a->address, a->mac, a->interface_index) < std::tie(b->address, b->mac, b->interface_index);
  });
  std::map<base::IpAddress, std::set<std::string>> macs_at;
  for (const NeighbourEntry* entry : entries) macs_at[entry->address].insert(entry->mac);
  // An address that somebody else has now is no longer the old one's.
  for (auto& entry : hosts_) {
    const auto& key = entry.first;  // no binding: clang 14 cannot capture one
    auto& host = entry.second;
    host.router = false;
    std::erase_if(host.addresses, [&](const auto& item) {
      const auto at = macs_at.find(item.first);
      return seen.own_addresses.contains(item.first) || (at != macs_at.end() && !at->second.contains(key.first));
    });
  }
  std::size_t seen_now = 0;
  for (const NeighbourEntry* entry : entries) {
    const auto interface = seen.interfaces.find(entry->interface_index);
    const std::string name = interface == seen.interfaces.end() ? std::string() : interface->second;
    if (seen.own_addresses.contains(entry->address) || is_container_interface(name)) continue;
    const Key key{entry->mac.empty() ? entry->address.to_string() : entry->mac, name};
    auto at = hosts_.find(key);
    const bool first = at == hosts_.end() || at->second.seen != now;
    if (first && seen_now >= max_hosts_) {
      ++skipped_now_;
      continue;
    }
    seen_now += first ? 1 : 0;
    if (at == hosts_.end()) at = hosts_.try_emplace(key).first;
    Host& host = at->second;
    host.interface = name;
    host.seen = now;
    host.router |= entry->router || seen.gateways.contains(entry->address);
    host.addresses[entry->address] = now;
  }
}

void HostMemory::forget(Time now, Result& result) {
  for (auto& [key, host] : hosts_) {
    std::erase_if(host.addresses, [&](const auto& item) { return now - item.second > keep_; });
    while (host.addresses.size() > kMaxAddresses) {
      const auto oldest = std::min_element(host.addresses.begin(), host.addresses.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second < b.second : a.first > b.first;
      });
      if (oldest->second == now) ++result.skipped;
      host.addresses.erase(oldest);
    }
  }
  std::erase_if(hosts_, [&](const auto& item) { return item.second.addresses.empty(); });
  while (hosts_.size() > max_hosts_) {
    hosts_.erase(std::min_element(hosts_.begin(), hosts_.end(), [](const auto& a, const auto& b) { return a.second.seen < b.second.seen; }));
  }
}

}  // namespace iris::neighbours
