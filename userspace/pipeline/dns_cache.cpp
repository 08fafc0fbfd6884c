// SPDX-License-Identifier: Apache-2.0
#include "pipeline/dns_cache.h"

#include <algorithm>

namespace iris::pipeline {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
// A connection may be used long after its name was looked up.
constexpr std::uint32_t kMinTtlSeconds = 600;
constexpr std::uint32_t kMaxTtlSeconds = 86'400;
constexpr std::size_t kMaxNameLength = 255;  // RFC 1035 section 2.3.4; more only by escapes

}  // namespace

void DnsCache::add(std::uint64_t cgroup_id, const DnsAnswer& answer, std::uint64_t now_ns) {
  if (answer.addresses.empty() || answer.question_name.empty() || answer.question_name.size() > kMaxNameLength) return;
  const std::uint64_t expires_ns =
      now_ns + std::clamp(answer.ttl_seconds, kMinTtlSeconds, kMaxTtlSeconds) * kNsPerSecond;
  Owner& owner = owner_of(cgroup_id);
  for (const base::IpAddress& address : answer.addresses) {
    auto known = owner.by_address.find(address);
    if (known == owner.by_address.end()) {
      make_room(owner);
      owner.by_age.push_front({address, {}});
      known = owner.by_address.emplace(address, owner.by_age.begin()).first;
      ++addresses_;
    } else {
      owner.by_age.splice(owner.by_age.begin(), owner.by_age, known->second);
    }
    std::vector<Name>& names = known->second->names;
    std::erase_if(names, [&](const Name& name) { return name.text == answer.question_name || name.expires_ns < now_ns; });
    names.insert(names.begin(), {answer.question_name, expires_ns});
    if (names.size() > limits_.names_of_address) names.resize(limits_.names_of_address);
  }
}

std::vector<std::string> DnsCache::names(std::uint64_t cgroup_id, const base::IpAddress& address,
                                         std::uint64_t now_ns) const {
  std::vector<std::string> found;
  const auto owner = owners_.find(cgroup_id);
  if (owner == owners_.end()) return found;
  const auto entry = owner->second.by_address.find(address);
  if (entry == owner->second.by_address.end()) return found;
  for (const Name& name : entry->second->names) {
    if (name.expires_ns >= now_ns) found.push_back(name.text);
  }
  return found;
}

DnsCache::Owner& DnsCache::owner_of(std::uint64_t cgroup_id) {
  if (const auto known = owners_.find(cgroup_id); known != owners_.end()) {
    owner_ages_.splice(owner_ages_.begin(), owner_ages_, known->second.age);
    return known->second;
  }
  if (owners_.size() >= limits_.owners) {
    const auto oldest = owners_.find(owner_ages_.back());
    addresses_ -= oldest->second.by_address.size();
    owners_.erase(oldest);
    owner_ages_.pop_back();
  }
  owner_ages_.push_front(cgroup_id);
  Owner& owner = owners_[cgroup_id];
  owner.age = owner_ages_.begin();
  return owner;
}

void DnsCache::drop_oldest(Owner& owner) {
  owner.by_address.erase(owner.by_age.back().address);
  owner.by_age.pop_back();
  --addresses_;
}

/// When all are full, the owner that holds most gives way: a flood of answers
/// to one does not push out the others' names.
void DnsCache::make_room(Owner& owner) {
  if (owner.by_address.size() >= limits_.addresses_of_owner) {
    drop_oldest(owner);
  } else if (addresses_ >= limits_.addresses) {
    const auto largest = std::max_element(owners_.begin(), owners_.end(), [](const auto& a, const auto& b) {
      return a.second.by_address.size() < b.second.by_address.size();
    });
    drop_oldest(largest->second);
  }
}

}  // namespace iris::pipeline
