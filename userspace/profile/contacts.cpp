// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "profile/tables.h"

namespace iris::profile {
namespace {

/// What an entry is worth keeping for, least first.
auto worth(const Contact& contact) {
  return std::make_tuple(static_cast<int>(contact.standing), contact.hours, contact.last_ns, contact.key);
}

bool before(const std::pair<std::uint64_t, std::uint16_t>& entry, std::uint64_t key) { return entry.first < key; }

}  // namespace

std::uint64_t contact_key(const Peer& peer, std::uint64_t service) { return mix(peer.hash ^ mix(service)); }

const Contact* ContactTable::find(std::uint64_t key) const {
  const auto found = std::lower_bound(index_.begin(), index_.end(), key, before);
  return found != index_.end() && found->first == key ? &contacts_[found->second] : nullptr;
}

Contact* ContactTable::find(std::uint64_t key) {
  return const_cast<Contact*>(static_cast<const ContactTable*>(this)->find(key));
}

void ContactTable::grow() {
  if (contacts_.size() < contacts_.capacity()) return;
  // By hand, so that doubling does not overshoot the capacity.
  const std::size_t room = std::min(kCapacity, std::max<std::size_t>(8, contacts_.size() * 2));
  contacts_.reserve(room);
  index_.reserve(room);
}

Contact& ContactTable::insert(Contact contact, std::uint64_t* bereft) {
  if (Contact* known = find(contact.key)) return *known = std::move(contact);
  if (contacts_.size() >= kCapacity) evict_one(bereft);
  grow();
  const auto key = contact.key;
  contacts_.push_back(std::move(contact));
  index_.insert(std::lower_bound(index_.begin(), index_.end(), key, before),
                {key, static_cast<std::uint16_t>(contacts_.size() - 1)});
  return contacts_.back();
}

void ContactTable::evict_one(std::uint64_t* bereft) {
  const auto victim = std::min_element(contacts_.begin(), contacts_.end(),
                                       [](const Contact& a, const Contact& b) { return worth(a) < worth(b); });
  if (bereft != nullptr && victim->standing == Standing::learned) *bereft = victim->service;
  const auto gone = static_cast<std::uint16_t>(victim - contacts_.begin());
  const auto last = static_cast<std::uint16_t>(contacts_.size() - 1);
  index_.erase(std::lower_bound(index_.begin(), index_.end(), victim->key, before));
  if (gone != last) {
    std::lower_bound(index_.begin(), index_.end(), contacts_[last].key, before)->second = gone;
    contacts_[gone] = std::move(contacts_[last]);
  }
  contacts_.pop_back();
  ++evicted_;
}

bool ContactTable::knows_peer(std::uint64_t peer_hash) const {
  return std::any_of(contacts_.begin(), contacts_.end(), [&](const Contact& contact) {
    return contact.peer_hash == peer_hash && contact.standing == Standing::learned;
  });
}

std::size_t ContactTable::memory_bytes() const {
  std::size_t bytes = contacts_.capacity() * sizeof(Contact) + index_.capacity() * sizeof(index_[0]);
  for (const auto& contact : contacts_)
    if (contact.label.capacity() > 15) bytes += contact.label.capacity() + 1;
  return bytes;
}

}  // namespace iris::profile
