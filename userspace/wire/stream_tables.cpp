// SPDX-License-Identifier: Apache-2.0
#include "wire/stream_tables.h"

#include <cstring>
#include <limits>

namespace iris::wire {
namespace {

bool set_address(std::optional<base::IpAddress>& to, const std::string& bytes) {
  if (bytes.empty()) return true;
  to.emplace();
  if (bytes.size() == to->bytes.size()) {
    std::memcpy(to->bytes.data(), bytes.data(), bytes.size());
    return true;
  }
  to->bytes[10] = to->bytes[11] = 0xff;
  if (bytes.size() != 4) return false;
  std::memcpy(to->bytes.data() + 12, bytes.data(), bytes.size());
  return true;
}

template <typename To>
bool set_enumeration(To& to, int value, To last) {
  to = static_cast<To>(value);
  return value >= 0 && value <= static_cast<int>(last);
}

template <typename To>
bool set_number(To& to, std::uint32_t value) {
  to = static_cast<To>(value);
  return value <= std::numeric_limits<To>::max();
}

}  // namespace

SharedText::SharedText(std::string_view text) {
  const auto size = static_cast<std::uint16_t>(text.size());
  static_assert(kMaxNameBytes <= std::numeric_limits<decltype(size)>::max());
  const auto bytes = std::make_shared<char[]>(sizeof(size) + size);
  std::memcpy(bytes.get(), &size, sizeof(size));
  std::memcpy(bytes.get() + sizeof(size), text.data(), size);
  bytes_ = bytes;
}

std::string_view SharedText::view() const {
  std::uint16_t size = 0;
  std::memcpy(&size, bytes_.get(), sizeof(size));
  return {bytes_.get() + sizeof(size), size};
}

void StreamTables::clear() { *this = StreamTables(); }

base::Result<void> StreamTables::account(std::vector<std::uint32_t>& costs, std::size_t slot, std::size_t cost) {
  if (slot >= costs.size()) costs.resize(slot + 1);
  bytes_ = bytes_ - costs[slot] + cost;
  costs[slot] = static_cast<std::uint32_t>(cost);
  if (bytes_ > kMaxStateBytes) return base::fail("the stream asks for too much memory");
  return {};
}

base::Result<void> StreamTables::define(const v1::Owner& owner) {
  if (auto added = owners_.add_owner(owner); !added) return added;
  return account(owner_costs_, owner.number() - 1, state_cost(owner));
}

base::Result<void> StreamTables::define(const v1::Name& name) {
  if (name.number() == 0 || name.number() > kMaxNames) return base::fail("name number out of range");
  if (name.text().size() > kMaxNameBytes) return base::fail("name too long");
  const std::size_t slot = name.number() - 1;
  if (slot >= names_.size()) names_.resize(slot + 1);
  names_[slot] = SharedText(name.text());
  return account(name_costs_, slot, state_cost(name));
}

SharedText StreamTables::name(std::uint64_t number) const {
  return number == 0 || number > names_.size() ? SharedText() : names_[number - 1];
}

StreamTables::Key* StreamTables::key(std::uint64_t number) {
  return number == 0 || number > keys_.size() ? nullptr : keys_[number - 1].get();
}

base::Result<void> StreamTables::add_names(Key& to, const v1::FlowKey& from) const {
  for (const auto* numbers : {&from.peer_names(), &from.processes()}) {
    if (static_cast<std::size_t>(numbers->size()) > kMaxNamesPerKey) return base::fail("too many names of a flow key");
  }
  to.peer_names = static_cast<std::uint16_t>(from.peer_names_size());
  to.processes = static_cast<std::uint16_t>(from.processes_size());
  to.names.reserve(static_cast<std::size_t>(to.peer_names) + to.processes + (from.peer_device() != 0 ? 1U : 0U));
  for (const std::uint32_t number : from.peer_names()) to.names.push_back(name(number));
  for (const std::uint32_t number : from.processes()) to.names.push_back(name(number));
  if (from.peer_device() != 0) to.names.push_back(name(from.peer_device()));
  for (const auto& name : to.names) {
    if (!name) return base::fail("name number of a flow key has no meaning");
  }
  return {};
}

base::Result<void> StreamTables::define(const v1::FlowKey& from) {
  if (from.number() == 0 || from.number() > kMaxKeys) return base::fail("number of a flow key out of range");
  const std::size_t slot = from.number() - 1;
  Key to;
  if (from.update()) {
    const Key* before = key(from.number());
    if (before == nullptr) return base::fail("update of a flow key that was not defined");
    to.last = before->last;
  }
  to.owner = owners_.owner(from.owner());
  to.peer_owner = owners_.owner(from.peer_owner());
  if ((from.owner() != 0 && !to.owner) || (from.peer_owner() != 0 && !to.peer_owner)) {
    return base::fail("owner number of a flow key has no meaning");
  }
  if (!set_address(to.local_address, from.local_address()) || !set_address(to.peer_address, from.peer_address())) {
    return base::fail("address of a flow key out of range");
  }
  if (!set_number(to.protocol, from.protocol()) || !set_number(to.service_port, from.service_port())) {
    return base::fail("protocol or port of a flow key out of range");
  }
  if (!set_enumeration(to.role, from.role(), flow::Role::responder) ||
      !set_enumeration(to.scope, from.scope(), flow::Scope::external) ||
      !set_enumeration(to.attribution, from.attribution(), flow::Attribution::unknown)) {
    return base::fail("role, scope or attribution of a flow key out of range");
  }
  to.pre_existing = from.pre_existing();
  to.folded = from.folded();
  if (auto added = add_names(to, from); !added) return added;
  if (slot >= keys_.size()) keys_.resize(slot + 1);
  keys_[slot] = std::make_unique<Key>(std::move(to));
  return account(key_costs_, slot, state_cost(from));
}

flow::FlowRecord StreamTables::Key::record() const {
  flow::FlowRecord to;
  to.owner = owner;
  to.role = role;
  to.protocol = protocol;
  to.local_address = local_address;
  to.peer_address = peer_address;
  to.service_port = service_port;
  to.peer_owner = peer_owner;
  to.scope = scope;
  to.pre_existing = pre_existing;
  to.folded = folded;
  to.attribution = attribution;
  auto next = names.begin();
  to.peer_names.reserve(peer_names);
  for (std::uint16_t i = 0; i < peer_names; ++i) to.peer_names.emplace_back((next++)->view());
  to.processes.reserve(processes);
  for (std::uint16_t i = 0; i < processes; ++i) to.processes.emplace_back((next++)->view());
  if (next != names.end()) to.peer_device = next->view();
  return to;
}

}  // namespace iris::wire
