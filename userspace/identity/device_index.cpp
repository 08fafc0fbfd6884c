// SPDX-License-Identifier: Apache-2.0
#include "identity/device_index.h"

#include <algorithm>
#include <tuple>

#include "identity/claims.h"

namespace iris::identity {
namespace {

constexpr std::uint32_t kSeveral = UINT32_MAX;

}  // namespace

std::shared_ptr<const DeviceIndex> DeviceIndex::make(std::span<const flow::Device> devices) {
  auto index = std::make_shared<DeviceIndex>();
  auto& entries = index->entries_;
  std::size_t count = 0;
  for (const flow::Device& device : devices) count += device.addresses.size();
  entries.reserve(2 * count);
  for (const flow::Device& device : devices) {
    if (device.kind == flow::DeviceKind::module || device.kind == flow::DeviceKind::gateway || !device.deployed) continue;
    const auto number = static_cast<std::uint32_t>(index->ids_.size());
    const std::size_t before = entries.size();
    for (const flow::DeviceAddress& address : device.addresses) {
      if (!address.ip || !can_belong_to_a_device(*address.ip)) continue;
      entries.push_back({*address.ip, address.port, address.protocol, false, number});
      if (address.port != 0 || address.protocol != 0) entries.push_back({*address.ip, 0, 0, true, number});
    }
    if (entries.size() > before) index->ids_.push_back(device.id);
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::tuple_cat(a.key(), std::tie(a.device)) < std::tuple_cat(b.key(), std::tie(b.device)); });
  std::size_t kept = 0;
  for (const Entry& entry : entries) {
    if (kept > 0 && entries[kept - 1].key() == entry.key()) {
      if (entries[kept - 1].device != entry.device) entries[kept - 1].device = kSeveral;
    } else {
      entries[kept++] = entry;
    }
  }
  entries.resize(kept);
  entries.shrink_to_fit();
  index->ids_.shrink_to_fit();
  return index;
}

const std::string* DeviceIndex::device_of(const base::IpAddress& address, std::uint16_t port, std::uint8_t protocol) const {
  const Entry* found = nullptr;
  if (port != 0 && protocol != 0) found = find(address, port, protocol, false);
  if (found == nullptr && port != 0) found = find(address, port, 0, false);
  if (found == nullptr && protocol != 0) found = find(address, 0, protocol, false);
  if (found == nullptr) found = find(address, 0, 0, false);
  if (found == nullptr) found = find(address, 0, 0, true);
  return found == nullptr || found->device == kSeveral ? nullptr : &ids_[found->device];
}

const DeviceIndex::Entry* DeviceIndex::find(const base::IpAddress& address, std::uint16_t port, std::uint8_t protocol,
                                            bool implied) const {
  const Entry wanted{address, port, protocol, implied, 0};
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), wanted,
                                   [](const Entry& a, const Entry& b) { return a.key() < b.key(); });
  return at == entries_.end() || at->key() != wanted.key() ? nullptr : &*at;
}

std::size_t DeviceIndex::memory_bytes() const {
  std::size_t bytes = sizeof *this + entries_.capacity() * sizeof(Entry) + ids_.capacity() * sizeof(std::string);
  for (const std::string& id : ids_) {
    if (id.capacity() > std::string().capacity()) bytes += id.capacity() + 1;
  }
  return bytes;
}

}  // namespace iris::identity
