// SPDX-License-Identifier: Apache-2.0
#include "store/identity_writer.h"

#include <algorithm>

namespace iris::store {
namespace {

/// SQLite's integers are signed; a gateway may claim any time.
std::uint64_t storable(std::uint64_t wall_ns) { return std::min<std::uint64_t>(wall_ns, INT64_MAX); }

}  // namespace

base::Result<void> IdentityWriter::prepare(sql::Connection& connection) {
  return prepare_all(
      connection,
      {{&find_state_, "SELECT gone, body FROM device_state WHERE gateway_id = ? AND device_id = ? AND wall_ns <= ? "
                      "ORDER BY wall_ns DESC LIMIT 1"},
       {&insert_state_, "INSERT OR REPLACE INTO device_state(gateway_id, device_id, wall_ns, gone, body) VALUES(?,?,?,?,?)"},
       {&remove_addresses_, "DELETE FROM device_address WHERE gateway_id = ? AND device_id = ? AND wall_ns = ?"},
       {&insert_address_, "INSERT OR IGNORE INTO device_address(gateway_id, device_id, wall_ns, address) VALUES(?,?,?,?)"},
       {&insert_event_, "INSERT OR IGNORE INTO security_event(gateway_id, wall_ns, device_id, digest, body) VALUES(?,?,?,?,?)"}});
}

base::Result<bool> IdentityWriter::stands_already(std::int64_t gateway_id, const std::string& device_id,
                                                  std::uint64_t wall_ns, bool gone) {
  const ResetAtEnd reset(*find_state_);
  if (auto bound = bind_all(*find_state_, gateway_id, std::string_view(device_id), wall_ns); !bound) {
    return tl::unexpected(bound.error());
  }
  auto row = find_state_->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return gone;  // of one that was never there there is nothing to tell
  if ((find_state_->column_int64(0) != 0) != gone) return false;
  return gone || find_state_->column_text(1) == body_;
}

base::Result<void> IdentityWriter::write(std::int64_t gateway_id, const flow::DeviceRecord& change) {
  const flow::Device& device = change.device;
  const std::uint64_t wall_ns = storable(change.wall_ns);
  const bool gone = change.change == flow::DeviceRecord::Change::removed;
  body_.clear();
  wire::append_device(body_, device);
  const auto known = stands_already(gateway_id, device.id, wall_ns, gone);
  if (!known) return tl::unexpected(known.error());
  if (*known) return {};
  const std::string_view id(device.id);
  if (auto done = run(*insert_state_, gateway_id, id, wall_ns, std::int64_t{gone}, std::string_view(body_)); !done) {
    return done;
  }
  if (auto done = run(*remove_addresses_, gateway_id, id, wall_ns); !done || gone) return done;
  for (const auto& address : device.addresses) {
    const std::string text = address.ip ? address.ip->to_string() : address.text;
    if (text.empty()) continue;
    if (auto done = run(*insert_address_, gateway_id, id, wall_ns, std::string_view(text)); !done) return done;
  }
  return {};
}

base::Result<void> IdentityWriter::write(std::int64_t gateway_id, const flow::SecurityRecord& event) {
  body_.clear();
  json_.append(body_, event);
  body_.pop_back();  // its line feed
  const std::string& who = event.device.empty() ? event.device_id : event.device;
  const Digest digest = digester_(body_);
  return run(*insert_event_, gateway_id, storable(event.wall_ns), std::string_view(who), Blob{view(digest)},
             std::string_view(body_));
}

}  // namespace iris::store
