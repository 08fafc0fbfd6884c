// SPDX-License-Identifier: Apache-2.0
#include "wire/stream_numbers.h"

#include <algorithm>
#include <functional>

#include "wire/flow_codec.h"

namespace iris::wire {
namespace {

void mix(std::uint64_t& hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  hash ^= hash >> 29;
}

void mix(std::uint64_t& hash, std::string_view text) { mix(hash, std::hash<std::string_view>{}(text)); }

std::uint64_t hash_of(const flow::Owner& owner) {
  std::uint64_t hash = owner.cgroup_id;
  for (const auto* text : {&owner.container_id, &owner.name, &owner.image, &owner.module_id}) mix(hash, *text);
  mix(hash, owner.labels.size());
  return hash;
}

bool same(const flow::Owner& a, const flow::Owner& b) {
  return a.kind == b.kind && a.cgroup_id == b.cgroup_id && a.container_id == b.container_id && a.name == b.name &&
         a.image == b.image && a.runtime == b.runtime && a.module_id == b.module_id && a.device_id == b.device_id &&
         a.cgroup_path == b.cgroup_path && a.labels == b.labels;
}

std::uint64_t hash_of(const std::optional<base::IpAddress>& address) {
  return address ? base::IpAddressHash{}(*address) : 0;
}

void set_address(std::string* field, const base::IpAddress& address) {
  const auto* first = reinterpret_cast<const char*>(address.bytes.data());
  address.is_v4() ? field->assign(first + 12, 4) : field->assign(first, 16);
}

/// Of what two flows of one batch do not share; the rest of a key may change.
std::uint64_t hash_of(const flow::FlowRecord& flow) {
  std::uint64_t hash = 0;
  if (flow.owner) {
    hash = flow.owner->cgroup_id;
    mix(hash, flow.owner->container_id.empty() ? flow.owner->name : flow.owner->container_id);
  }
  mix(hash, hash_of(flow.peer_address));
  mix(hash, std::uint64_t{flow.service_port} << 32 | std::uint64_t{flow.protocol} << 24 |
                static_cast<std::uint64_t>(flow.scope) << 16 | static_cast<std::uint64_t>(flow.role) << 8 |
                static_cast<std::uint64_t>(flow.folded));
  return hash;
}

}  // namespace

void StreamNumbers::begin_batch() {
  owner_slots_.clear();
  owners_.next_batch();
  names_.next_batch();
  keys_.next_batch();
}

void StreamNumbers::begin_block(v1::Block& block) {
  block_ = &block;
  owners_.next_block();
  names_.next_block();
  keys_.next_block();
}

void StreamNumbers::clear() {
  owner_slots_.clear();
  owners_.clear();
  names_.clear();
  keys_.clear();
  state_bytes_ = 0;
}

bool StreamNumbers::KeyEntry::describes(const flow::FlowRecord& flow) const {
  return peer_address == flow.peer_address && service_port == flow.service_port && role == flow.role &&
         protocol == flow.protocol && scope == flow.scope && folded == flow.folded &&
         local_address == flow.local_address && attribution == flow.attribution &&
         pre_existing == flow.pre_existing && peer_device == flow.peer_device && processes == flow.processes &&
         peer_names == flow.peer_names;
}

void StreamNumbers::KeyEntry::describe(const flow::FlowRecord& flow) {
  local_address = flow.local_address;
  peer_address = flow.peer_address;
  peer_device = flow.peer_device;
  peer_names = flow.peer_names;
  processes = flow.processes;
  service_port = flow.service_port;
  protocol = flow.protocol;
  role = flow.role;
  scope = flow.scope;
  attribution = flow.attribution;
  pre_existing = flow.pre_existing;
  folded = flow.folded;
}

StreamNumbers::OrFull<std::uint32_t> StreamNumbers::owner_slot(const flow::OwnerPtr& owner) {
  if (const auto known = owner_slots_.find(owner.get());
      known != owner_slots_.end() && owners_[known->second].owner == owner) {
    owners_.use(known->second);
    return known->second;
  }
  const std::uint64_t hash = hash_of(*owner);
  if (const auto found = owners_.find(hash); found && same(*owners_[*found].owner, *owner)) {
    owners_.use(*found);
    owners_[*found].owner = owner;  // the pointer of this batch
    owner_slots_[owner.get()] = *found;
    return *found;
  }
  const auto slot = owners_.take(hash, [this](OwnerEntry& old) { state_bytes_ -= old.cost; });
  if (!slot) return tl::unexpected(Full{});
  auto* message = block_->add_owners();
  fill_owner(*message, *owner, *slot + 1);
  owners_[*slot] = {owner, ++versions_, state_cost(*message)};
  state_bytes_ += owners_[*slot].cost;
  owner_slots_[owner.get()] = *slot;
  return *slot;
}

StreamNumbers::OrFull<std::uint32_t> StreamNumbers::owner(const flow::OwnerPtr& owner) {
  if (!owner) return 0;
  return owner_slot(owner).map([](std::uint32_t slot) { return slot + 1; });
}

StreamNumbers::OrFull<std::uint64_t> StreamNumbers::owner_version(const flow::OwnerPtr& owner) {
  if (!owner) return 0;
  return owner_slot(owner).map([this](std::uint32_t slot) { return owners_[slot].version; });
}

StreamNumbers::OrFull<std::uint32_t> StreamNumbers::name(const std::string& text) {
  const std::string_view wanted = cut(text);
  const std::uint64_t hash = std::hash<std::string_view>{}(wanted);
  if (const auto found = names_.find(hash); found && names_[*found].text == wanted) {
    names_.use(*found);
    return *found + 1;
  }
  const auto slot = names_.take(hash, [this](NameEntry& old) { state_bytes_ -= old.cost; });
  if (!slot) return tl::unexpected(Full{});
  auto* message = block_->add_names();
  message->set_number(*slot + 1);
  message->set_text(std::string(wanted));
  names_[*slot] = {std::string(wanted), state_cost(*message)};
  state_bytes_ += names_[*slot].cost;
  return *slot + 1;
}

StreamNumbers::OrFull<StreamNumbers::NumberedKey> StreamNumbers::key(const flow::FlowRecord& flow) {
  const auto owner = owner_version(flow.owner);
  if (!owner) return tl::unexpected(Full{});
  const auto peer_owner = owner_version(flow.peer_owner);
  if (!peer_owner) return tl::unexpected(Full{});
  const std::uint64_t hash = hash_of(flow);
  const auto found = keys_.find(hash);
  if (found) {
    KeyEntry& entry = keys_[*found];
    if (entry.owner == *owner && entry.peer_owner == *peer_owner && entry.describes(flow)) {
      keys_.use(*found);
      return NumberedKey{*found + 1, &entry.last};
    }
    if (keys_.used_in_block(*found)) return tl::unexpected(Full{});
  }
  auto message = key_message(flow);
  if (!message) return tl::unexpected(Full{});
  const auto slot = found ? found : keys_.take(hash, [](KeyEntry&) {});
  if (!slot) return tl::unexpected(Full{});
  keys_.use(*slot);
  KeyEntry& entry = keys_[*slot];
  if (!found) entry.last = {};
  entry.owner = *owner;
  entry.peer_owner = *peer_owner;
  entry.describe(flow);
  state_bytes_ -= entry.cost;
  entry.cost = state_cost(*message);
  state_bytes_ += entry.cost;
  message->set_number(*slot + 1);
  message->set_update(found.has_value());
  *block_->add_keys() = std::move(*message);
  return NumberedKey{*slot + 1, &entry.last};
}

StreamNumbers::OrFull<v1::FlowKey> StreamNumbers::key_message(const flow::FlowRecord& flow) {
  v1::FlowKey key;
  const auto owner_number = owner(flow.owner);
  const auto peer_number = owner(flow.peer_owner);
  if (!owner_number || !peer_number) return tl::unexpected(Full{});
  key.set_owner(*owner_number);
  key.set_peer_owner(*peer_number);
  key.set_role(static_cast<v1::Role>(flow.role));
  key.set_protocol(flow.protocol);
  key.set_service_port(flow.service_port);
  if (flow.local_address) set_address(key.mutable_local_address(), *flow.local_address);
  if (flow.peer_address) set_address(key.mutable_peer_address(), *flow.peer_address);
  key.set_scope(static_cast<v1::Scope>(flow.scope));
  key.set_attribution(static_cast<v1::Attribution>(flow.attribution));
  key.set_pre_existing(flow.pre_existing);
  key.set_folded(flow.folded);
  if (!flow.peer_device.empty()) {
    const auto device = name(flow.peer_device);
    if (!device) return tl::unexpected(Full{});
    key.set_peer_device(*device);
  }
  for (const auto& [texts, numbers] : {std::pair(&flow.peer_names, key.mutable_peer_names()),
                                       std::pair(&flow.processes, key.mutable_processes())}) {
    for (std::size_t i = 0; i < std::min(texts->size(), kMaxNamesPerKey); ++i) {
      const auto number = name((*texts)[i]);
      if (!number) return tl::unexpected(Full{});
      numbers->Add(*number);
    }
  }
  return key;
}

}  // namespace iris::wire
