// SPDX-License-Identifier: Apache-2.0
#include "store/flow_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace iris::store {
namespace {

constexpr const char* kOwnerColumns =
    "kind, cgroup_id, container_id, name, image, runtime, module_id, device_id, cgroup_path, labels";

flow::OwnerPtr owner_of(const sql::Statement& row) {
  flow::Owner owner;
  owner.kind = static_cast<flow::OwnerKind>(std::clamp<std::int64_t>(row.column_int64(0), 0, 2));
  owner.cgroup_id = row.column_uint64(1);
  owner.container_id = row.column_text(2);
  owner.name = row.column_text(3);
  owner.image = row.column_text(4);
  owner.runtime = row.column_text(5);
  owner.module_id = row.column_text(6);
  owner.device_id = row.column_text(7);
  owner.cgroup_path = row.column_text(8);
  const auto labels = nlohmann::json::parse(row.column_text(9), nullptr, false);
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      if (value.is_string()) owner.labels.emplace(key, value.get<std::string>());
    }
  }
  return std::make_shared<const flow::Owner>(std::move(owner));
}

std::vector<std::string> texts_of(std::string_view json) {
  std::vector<std::string> texts;
  const auto list = nlohmann::json::parse(json, nullptr, false);
  if (!list.is_array()) return texts;
  for (const auto& one : list) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::optional<base::IpAddress> address_of(std::string_view blob) {
  base::IpAddress address;
  if (blob.size() != address.bytes.size()) return std::nullopt;
  std::copy(blob.begin(), blob.end(), reinterpret_cast<char*>(address.bytes.data()));
  return address;
}

bool owner_matches(const std::string& wanted, const flow::OwnerPtr& owner) {
  return wanted.empty() || (owner && (owner->name == wanted || owner->module_id == wanted ||
                                      (!owner->container_id.empty() && owner->container_id == wanted)));
}

bool matches(const FlowQuery& query, const flow::FlowRecord& flow) {
  return owner_matches(query.owner, flow.owner) && (!query.port || *query.port == flow.service_port) &&
         (!query.peer || (flow.peer_address && query.peer->contains(*flow.peer_address)));
}

template <typename E>
E enum_of(std::int64_t value, E last) {
  return static_cast<E>(std::clamp<std::int64_t>(value, 0, static_cast<std::int64_t>(last)));
}

}  // namespace

base::Result<void> FlowReader::prepare(sql::Connection& connection) {
  std::string flows;
  for (const char* table : {"flow_raw", "flow_hourly", "flow_daily"}) {
    if (!flows.empty()) flows += " UNION ALL ";
    flows += fmt::format("SELECT window_start, key_id, value FROM {} WHERE gateway_id = ?1 AND window_start >= ?2 AND "
                         "window_start < ?3", table);
  }
  // Each table gives them in this order already; SQLite merges.
  flows += " ORDER BY window_start, key_id";
  return prepare_all(
      connection,
      {{&find_flows_, flows},
       {&find_key_, "SELECT owner_id, role, protocol, local_address, peer_address, service_port, peer_names, "
                    "peer_owner_id, peer_device, scope, processes, flags, attribution FROM flow_key WHERE id = ?"},
       {&find_owner_, fmt::format("SELECT {} FROM owner WHERE id = ?", kOwnerColumns)},
       {&list_owners_, fmt::format("SELECT {} FROM owner WHERE ?1 IS NULL OR gateway_id = ?1 ORDER BY id LIMIT {}",
                                   kOwnerColumns, kMaxOwners)}});
}

base::Result<flow::OwnerPtr> FlowReader::owner(std::int64_t id) {
  if (id == 0) return flow::OwnerPtr{};
  if (const auto found = owners_.find(id); found != owners_.end()) return found->second;
  const ResetAtEnd reset(*find_owner_);
  if (auto bound = bind_all(*find_owner_, id); !bound) return tl::unexpected(bound.error());
  auto row = find_owner_->step();
  if (!row) return tl::unexpected(row.error());
  flow::OwnerPtr owner = *row ? owner_of(*find_owner_) : nullptr;
  if (owners_.size() >= kMaxCached) owners_.clear();
  owners_.emplace(id, owner);
  return owner;
}

base::Result<const FlowReader::Key*> FlowReader::key(std::int64_t id, const FlowQuery& query) {
  if (const auto found = keys_.find(id); found != keys_.end()) return &found->second;
  Key key;
  {
    auto& row = *find_key_;
    const ResetAtEnd reset(row);
    if (auto bound = bind_all(row, id); !bound) return tl::unexpected(bound.error());
    auto stepped = row.step();
    if (!stepped) return tl::unexpected(stepped.error());
    if (!*stepped) return base::fail("the store is damaged: a flow has lost its key");
    auto owner_of_flow = owner(row.column_int64(0));
    if (!owner_of_flow) return tl::unexpected(owner_of_flow.error());
    auto peer_owner = owner(row.column_int64(7));
    if (!peer_owner) return tl::unexpected(peer_owner.error());
    auto& flow = key.flow;
    flow.owner = std::move(*owner_of_flow);
    flow.role = enum_of(row.column_int64(1), flow::Role::responder);
    flow.protocol = static_cast<std::uint8_t>(row.column_int64(2));
    flow.local_address = address_of(row.column_blob(3));
    flow.peer_address = address_of(row.column_blob(4));
    flow.service_port = static_cast<std::uint16_t>(row.column_int64(5));
    flow.peer_names = texts_of(row.column_text(6));
    flow.peer_owner = std::move(*peer_owner);
    flow.peer_device = row.column_text(8);
    flow.scope = enum_of(row.column_int64(9), flow::Scope::external);
    flow.processes = texts_of(row.column_text(10));
    flow.pre_existing = (row.column_int64(11) & 1) != 0;
    flow.folded = (row.column_int64(11) & 2) != 0;
    flow.attribution = enum_of(row.column_int64(12), flow::Attribution::unknown);
  }
  key.wanted = matches(query, key.flow);
  if (keys_.size() >= kMaxCached) keys_.clear();
  return &keys_.emplace(id, std::move(key)).first->second;
}

/// Keeps the `wanted` first rows of all gateways in a heap, the last of them on top.
base::Result<void> FlowReader::collect(const FlowQuery& query, std::int64_t gateway_id, std::size_t wanted,
                                       std::vector<Row>& heap) {
  auto& rows = *find_flows_;
  const ResetAtEnd reset(rows);
  const auto signed_time = [](std::uint64_t ns) { return std::min<std::uint64_t>(ns, INT64_MAX); };
  if (auto bound = bind_all(rows, gateway_id, signed_time(query.range.start_wall_ns),
                            signed_time(query.range.end_wall_ns));
      !bound) {
    return tl::unexpected(bound.error());
  }
  for (;;) {
    auto row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    if (++scanned_ > kMaxScannedRows) {
      return base::fail("too much to look through: ask for a shorter time range or for one gateway",
                        base::Error::Kind::usage);
    }
    Row found{rows.column_uint64(0), gateway_id, rows.column_int64(1), {}};
    if (heap.size() >= wanted && !(found < heap.front())) return {};
    const auto known = key(found.key_id, query);
    if (!known) return tl::unexpected(known.error());
    if (!(*known)->wanted) continue;
    found.value = rows.column_blob(2);
    heap.push_back(std::move(found));
    std::push_heap(heap.begin(), heap.end());
    if (heap.size() <= wanted) continue;
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
  }
}

base::Result<void> FlowReader::flows(const FlowQuery& query, const std::vector<std::int64_t>& gateway_ids,
                                     const std::function<void(const StoredFlow&)>& take) {
  keys_.clear();
  owners_.clear();
  scanned_ = 0;
  const std::size_t wanted = query.offset + query.limit;
  if (query.limit == 0 || wanted < query.limit) return {};
  std::vector<Row> heap;
  for (const std::int64_t id : gateway_ids) {
    if (auto done = collect(query, id, wanted, heap); !done) return done;
  }
  std::sort_heap(heap.begin(), heap.end());
  for (std::size_t i = query.offset; i < heap.size(); ++i) {
    const auto known = key(heap[i].key_id, query);
    if (!known) return tl::unexpected(known.error());
    FlowValues values;
    if (!values.unpack(heap[i].value, heap[i].window_start_ns)) {
      return base::fail("the store is damaged: the values of a flow cannot be read");
    }
    StoredFlow stored{heap[i].gateway_id, (*known)->flow};
    stored.flow.window_start_wall_ns = heap[i].window_start_ns;
    values.put_into(stored.flow);
    take(stored);
  }
  return {};
}

base::Result<std::vector<flow::OwnerPtr>> FlowReader::owners(std::optional<std::int64_t> gateway_id) {
  std::vector<flow::OwnerPtr> owners;
  const ResetAtEnd reset(*list_owners_);
  if (auto bound = bind_all(*list_owners_, gateway_id); !bound) return tl::unexpected(bound.error());
  for (;;) {
    auto row = list_owners_->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return owners;
    owners.push_back(owner_of(*list_owners_));
  }
}

}  // namespace iris::store
