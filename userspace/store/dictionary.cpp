// SPDX-License-Identifier: Apache-2.0
#include "store/dictionary.h"

#include <algorithm>

#include "store/packed.h"
#include "wire/json_writer.h"

namespace iris::store {
namespace {

constexpr std::uint64_t kDayNs = 86'400'000'000'000;

std::optional<Blob> address_blob(const std::optional<base::IpAddress>& address) {
  if (!address) return std::nullopt;
  return Blob{{reinterpret_cast<const char*>(address->bytes.data()), address->bytes.size()}};
}

void append_address(std::string& out, const std::optional<base::IpAddress>& address) {
  const auto blob = address_blob(address);
  append_text(out, blob ? blob->bytes : std::string_view{});
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
  append_number(out, texts.size());
  for (const auto& text : texts) append_text(out, text);
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) {
    if (out.size() > 1) out += ',';
    wire::append_json_string(out, text);
  }
  return out + "]";
}

std::string json_object(const std::map<std::string, std::string>& map) {
  std::string out = "{";
  for (const auto& [key, value] : map) {
    if (out.size() > 1) out += ',';
    wire::append_json_string(out, key);
    out += ':';
    wire::append_json_string(out, value);
  }
  return out + "}";
}

void append_owner(std::string& out, const flow::Owner& owner) {
  append_number(out, static_cast<std::uint64_t>(owner.kind));
  append_number(out, owner.cgroup_id);
  for (const auto* text : {&owner.container_id, &owner.name, &owner.image, &owner.runtime, &owner.module_id,
                           &owner.device_id, &owner.cgroup_path}) {
    append_text(out, *text);
  }
  for (const auto& [key, value] : owner.labels) {
    append_text(out, key);
    append_text(out, value);
  }
}

std::int64_t flags_of(const flow::FlowRecord& flow) { return (flow.pre_existing ? 1 : 0) | (flow.folded ? 2 : 0); }

}  // namespace

base::Result<void> Dictionary::prepare(sql::Connection& connection) {
  connection_ = &connection;
  return prepare_all(
      connection,
      {{&owners_.find, "SELECT id, last_ns FROM owner WHERE gateway_id = ? AND digest = ?"},
       {&owners_.touch, "UPDATE owner SET last_ns = ? WHERE id = ?"},
       {&owners_.insert,
        "INSERT INTO owner(gateway_id, digest, last_ns, kind, cgroup_id, container_id, name, image, runtime, "
        "module_id, device_id, cgroup_path, labels) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"},
       {&flow_keys_.find, "SELECT id, last_ns FROM flow_key WHERE gateway_id = ? AND digest = ?"},
       {&flow_keys_.touch, "UPDATE flow_key SET last_ns = ? WHERE id = ?"},
       {&flow_keys_.insert,
        "INSERT INTO flow_key(gateway_id, digest, last_ns, owner_id, role, protocol, local_address, peer_address, "
        "service_port, peer_names, peer_owner_id, peer_device, scope, processes, flags, attribution) "
        "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"}});
}

void Dictionary::forget() {
  by_pointer_.clear();
  owners_.cache.clear();
  flow_keys_.cache.clear();
}

// `last_ns` is kept to within a day, so that use costs no write each time.
base::Result<std::int64_t> Dictionary::resolve(Table& table, std::int64_t gateway_id, const Digest& digest,
                                               std::uint64_t wall_ns, const Insert& insert) {
  auto* known = table.cache.find(digest);
  if (known == nullptr) {
    DigestCache::Entry entry;
    {
      const ResetAtEnd reset(*table.find);
      if (auto bound = bind_all(*table.find, gateway_id, Blob{view(digest)}); !bound) {
        return tl::unexpected(bound.error());
      }
      auto row = table.find->step();
      if (!row) return tl::unexpected(row.error());
      if (*row) entry = {table.find->column_int64(0), table.find->column_uint64(1)};
    }
    if (entry.id == 0) {
      if (auto done = insert(digest); !done) return tl::unexpected(done.error());
      entry = {connection_->last_insert_rowid(), wall_ns};
    }
    table.cache.insert(digest, entry);
    known = table.cache.find(digest);
  }
  if (wall_ns > known->touched_ns + kDayNs) {
    if (auto done = run(*table.touch, wall_ns, known->id); !done) return tl::unexpected(done.error());
    known->touched_ns = wall_ns;
  }
  return known->id;
}

base::Result<std::optional<std::int64_t>> Dictionary::owner(std::int64_t gateway_id, const flow::OwnerPtr& owner,
                                                            std::uint64_t wall_ns) {
  if (!owner) return std::optional<std::int64_t>{};
  if (const auto found = by_pointer_.find(owner.get()); found != by_pointer_.end()) return found->second;
  scratch_.clear();
  append_number(scratch_, static_cast<std::uint64_t>(gateway_id));
  append_owner(scratch_, *owner);
  auto id = resolve(owners_, gateway_id, digester_(scratch_), wall_ns,
                    [&](const Digest& digest) { return insert_owner(gateway_id, digest, wall_ns, *owner); });
  if (!id) return tl::unexpected(id.error());
  by_pointer_.emplace(owner.get(), *id);
  return *id;
}

base::Result<void> Dictionary::insert_owner(std::int64_t gateway_id, const Digest& digest, std::uint64_t wall_ns,
                                            const flow::Owner& owner) {
  const std::string_view container_id = owner.container_id;
  return run(*owners_.insert, gateway_id, Blob{view(digest)}, wall_ns, static_cast<std::int64_t>(owner.kind),
             owner.cgroup_id, container_id, std::string_view(owner.name), std::string_view(owner.image),
             std::string_view(owner.runtime), std::string_view(owner.module_id), std::string_view(owner.device_id),
             std::string_view(owner.cgroup_path), std::string_view(json_object(owner.labels)));
}

base::Result<std::int64_t> Dictionary::flow_key(std::int64_t gateway_id, const flow::FlowRecord& flow) {
  const std::uint64_t wall_ns = flow.window_start_wall_ns;
  const auto owner_id = owner(gateway_id, flow.owner, wall_ns);
  if (!owner_id) return tl::unexpected(owner_id.error());
  const auto peer_owner_id = owner(gateway_id, flow.peer_owner, wall_ns);
  if (!peer_owner_id) return tl::unexpected(peer_owner_id.error());

  scratch_.clear();
  for (const std::int64_t number :
       {gateway_id, owner_id->value_or(0), peer_owner_id->value_or(0), static_cast<std::int64_t>(flow.role),
        static_cast<std::int64_t>(flow.protocol), static_cast<std::int64_t>(flow.service_port),
        static_cast<std::int64_t>(flow.scope), static_cast<std::int64_t>(flow.attribution), flags_of(flow)}) {
    append_number(scratch_, static_cast<std::uint64_t>(number));
  }
  append_address(scratch_, flow.local_address);
  append_address(scratch_, flow.peer_address);
  append_text(scratch_, flow.peer_device);
  append_texts(scratch_, flow.peer_names);
  append_texts(scratch_, flow.processes);

  return resolve(flow_keys_, gateway_id, digester_(scratch_), wall_ns, [&](const Digest& digest) {
    return run(*flow_keys_.insert, gateway_id, Blob{view(digest)}, wall_ns, *owner_id,
               static_cast<std::int64_t>(flow.role), static_cast<std::int64_t>(flow.protocol),
               address_blob(flow.local_address), address_blob(flow.peer_address),
               static_cast<std::int64_t>(flow.service_port), std::string_view(json_list(flow.peer_names)),
               *peer_owner_id, std::string_view(flow.peer_device), static_cast<std::int64_t>(flow.scope),
               std::string_view(json_list(flow.processes)), flags_of(flow),
               static_cast<std::int64_t>(flow.attribution));
  });
}

}  // namespace iris::store
