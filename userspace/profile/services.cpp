// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "profile/tables.h"

namespace iris::profile {

const Service* ServiceTable::find(std::uint64_t key) const {
  for (const auto& service : services_)
    if (service.key == key) return &service;
  return nullptr;
}

Service* ServiceTable::find(std::uint64_t key) {
  return const_cast<Service*>(static_cast<const ServiceTable*>(this)->find(key));
}

Service& ServiceTable::insert(Service service) {
  if (services_.size() == services_.capacity())
    services_.reserve(std::min(kCapacity, std::max<std::size_t>(4, services_.size() * 2)));
  if (services_.size() < kCapacity) return services_.emplace_back(std::move(service));
  ++evicted_;
  auto& least = *std::min_element(services_.begin(), services_.end(), [](const Service& a, const Service& b) {
    return std::make_tuple(a.learned > 0, a.visits, a.last_ns, a.key) <
           std::make_tuple(b.learned > 0, b.visits, b.last_ns, b.key);
  });
  return least = std::move(service);
}

std::size_t ServiceTable::memory_bytes() const { return services_.capacity() * sizeof(Service); }

}  // namespace iris::profile
