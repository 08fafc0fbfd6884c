// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <fmt/format.h>

#include <array>
#include <string>

namespace iris::store {
namespace {

// Times are nanoseconds since the Unix epoch. A table that was released is never
// edited here: a later step changes it.

// Values lie beside those of the same gateway and time: what a batch brings is a
// page or two, and a query for one gateway reads nothing of the others.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE gateway(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  token_hash BLOB NOT NULL UNIQUE,
  revoked INTEGER NOT NULL DEFAULT 0,
  created_ns INTEGER NOT NULL,
  agent_version TEXT NOT NULL DEFAULT '',
  host_name TEXT NOT NULL DEFAULT '',
  kernel_release TEXT NOT NULL DEFAULT '');

CREATE TABLE position(
  gateway_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL,      -- last committed one
  end_ns INTEGER NOT NULL,        -- end of its window
  committed_ns INTEGER NOT NULL,
  PRIMARY KEY(gateway_id, epoch)) WITHOUT ROWID;

CREATE TABLE owner(
  id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL,
  digest BLOB NOT NULL,           -- of all below
  last_ns INTEGER NOT NULL,       -- last use, to within a day
  kind INTEGER NOT NULL,
  cgroup_id INTEGER NOT NULL,
  container_id TEXT NOT NULL,
  name TEXT NOT NULL,
  image TEXT NOT NULL,
  runtime TEXT NOT NULL,
  module_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  cgroup_path TEXT NOT NULL,
  labels TEXT NOT NULL,           -- JSON
  UNIQUE(gateway_id, digest));

CREATE TABLE flow_key(
  id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL,
  digest BLOB NOT NULL,
  last_ns INTEGER NOT NULL,
  owner_id INTEGER,
  role INTEGER NOT NULL,
  protocol INTEGER NOT NULL,
  local_address BLOB,             -- 16 bytes, IPv4 mapped
  peer_address BLOB,
  service_port INTEGER NOT NULL,
  peer_names TEXT NOT NULL,       -- JSON
  peer_owner_id INTEGER,
  peer_device TEXT NOT NULL,
  scope INTEGER NOT NULL,
  processes TEXT NOT NULL,        -- JSON
  flags INTEGER NOT NULL,         -- 1 pre-existing, 2 folded
  attribution INTEGER NOT NULL,
  UNIQUE(gateway_id, digest));

CREATE TABLE flow_raw(gateway_id INTEGER, window_start INTEGER, key_id INTEGER, value BLOB NOT NULL,
  PRIMARY KEY(gateway_id, window_start, key_id)) WITHOUT ROWID;
CREATE TABLE flow_hourly(gateway_id INTEGER, window_start INTEGER, key_id INTEGER, value BLOB NOT NULL,
  PRIMARY KEY(gateway_id, window_start, key_id)) WITHOUT ROWID;
CREATE TABLE flow_daily(gateway_id INTEGER, window_start INTEGER, key_id INTEGER, value BLOB NOT NULL,
  PRIMARY KEY(gateway_id, window_start, key_id)) WITHOUT ROWID;

CREATE TABLE ledger_raw(gateway_id INTEGER, window_start INTEGER, key_id INTEGER, value BLOB NOT NULL,
  PRIMARY KEY(gateway_id, window_start, key_id)) WITHOUT ROWID;
CREATE TABLE ledger_hourly(gateway_id INTEGER, window_start INTEGER, key_id INTEGER, value BLOB NOT NULL,
  PRIMARY KEY(gateway_id, window_start, key_id)) WITHOUT ROWID;
CREATE TABLE ledger_daily(gateway_id INTEGER, window_start INTEGER, key_id INTEGER, value BLOB NOT NULL,
  PRIMARY KEY(gateway_id, window_start, key_id)) WITHOUT ROWID;

CREATE TABLE gap(
  id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  windows INTEGER NOT NULL,
  flows INTEGER NOT NULL);
CREATE INDEX gap_by_end ON gap(gateway_id, end_ns);
)sql";

// Exits, execs, DNS answers and container changes, as the JSON of the contract.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE event(
  id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL,
  wall_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,             -- exit, exec, dns, container
  owner_id INTEGER,
  body TEXT NOT NULL);
CREATE INDEX event_by_time ON event(gateway_id, wall_ns);
)sql";

// Identities, a row for each state; it stands until the next of the same device. And
// what the cloud's log says of them.
constexpr const char* kVersion3 = R"sql(
CREATE TABLE device_state(
  gateway_id INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,       -- since when
  gone INTEGER NOT NULL,          -- 1: removed
  body TEXT NOT NULL,             -- DEVICE, as the JSON of the contract
  PRIMARY KEY(gateway_id, device_id, wall_ns)) WITHOUT ROWID;

CREATE TABLE device_address(      -- of the state of that time
  address TEXT NOT NULL,
  gateway_id INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,
  PRIMARY KEY(address, gateway_id, device_id, wall_ns)) WITHOUT ROWID;

CREATE TABLE security_event(
  id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL,
  wall_ns INTEGER NOT NULL,
  device_id TEXT NOT NULL,        -- of device_state, when it is known; else as the cloud has it
  digest BLOB NOT NULL,           -- of the body: the log may tell twice
  body TEXT NOT NULL,
  UNIQUE(gateway_id, digest));
CREATE INDEX security_event_by_time ON security_event(gateway_id, wall_ns);
)sql";

// Behind the commit: what is to be judged, what the judge knows, what it found.
constexpr const char* kVersion4 = R"sql(
CREATE TABLE judge_input(
  id INTEGER PRIMARY KEY AUTOINCREMENT,   -- order of commit; never given twice
  kind INTEGER NOT NULL,                  -- JudgeInput::Kind
  gateway_id INTEGER NOT NULL,
  body BLOB NOT NULL);

CREATE TABLE judge_state(
  kind INTEGER NOT NULL,                  -- JudgeState::Kind
  key TEXT NOT NULL,
  wall_ns INTEGER NOT NULL,               -- when it was kept
  summary TEXT NOT NULL,
  body BLOB NOT NULL,
  UNIQUE(kind, key));

CREATE TABLE judge_checkpoint(            -- one row: the last input in judge_state
  id INTEGER PRIMARY KEY CHECK(id = 1),
  input_id INTEGER NOT NULL);
INSERT INTO judge_checkpoint VALUES(1, 0);

CREATE TABLE alert(
  id TEXT PRIMARY KEY,
  change INTEGER NOT NULL UNIQUE,         -- of the last change worth telling
  told_count INTEGER NOT NULL,            -- count then
  gateway_id INTEGER NOT NULL,
  wall_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  class TEXT NOT NULL,
  severity INTEGER NOT NULL,
  count INTEGER NOT NULL,
  state INTEGER NOT NULL,                 -- AlertState
  owner TEXT NOT NULL,
  device_id TEXT NOT NULL,                -- of device_state
  profile TEXT NOT NULL,
  contact INTEGER NOT NULL,
  from_input INTEGER NOT NULL,            -- found again from the inputs behind this one ..
  to_input INTEGER NOT NULL,              -- .. up to this one
  body TEXT NOT NULL,                     -- JSON without device, evidence and status
  evidence TEXT NOT NULL);
CREATE INDEX alert_by_time ON alert(last_ns);
CREATE INDEX alert_by_gateway ON alert(gateway_id, last_ns);
CREATE TABLE alert_change(                -- one row: the last number given
  id INTEGER PRIMARY KEY CHECK(id = 1),
  change INTEGER NOT NULL);
INSERT INTO alert_change VALUES(1, 0);

CREATE TABLE incident_state(              -- judge_state as it was at input_id
  gateway_id INTEGER NOT NULL,
  input_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  key TEXT NOT NULL,
  body BLOB NOT NULL,
  UNIQUE(gateway_id, input_id, kind, key));
CREATE TABLE incident_input(              -- of judge_input
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  gateway_id INTEGER NOT NULL,
  body BLOB NOT NULL);

CREATE TABLE sink_position(
  sink TEXT PRIMARY KEY,
  change INTEGER NOT NULL);
)sql";

constexpr std::array kSteps{kVersion1, kVersion2, kVersion3, kVersion4};
static_assert(kSteps.size() == kSchemaVersion);

base::Result<void> step_to(sql::Connection& connection, std::int64_t version) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) return tl::unexpected(transaction.error());
  // Another process may have been faster while we waited for the lock.
  const auto present = connection.query_int64("PRAGMA user_version");
  if (!present) return tl::unexpected(present.error());
  if (*present >= version) return {};
  const std::string script =
      kSteps[static_cast<std::size_t>(version - 1)] + fmt::format("PRAGMA user_version = {};", version);
  if (auto done = connection.exec(script); !done) return tl::unexpected(done.error());
  if (auto done = transaction->commit(); !done) return tl::unexpected(done.error());
  return {};
}

}  // namespace

base::Result<void> migrate(sql::Connection& connection, std::int64_t version) {
  const auto present = connection.query_int64("PRAGMA user_version");
  if (!present) return tl::unexpected(present.error());
  if (*present > kSchemaVersion) {
    return base::fail(fmt::format("the file has schema version {}, this program knows up to {}: it was written by a "
                                  "newer iris-collector, use that one",
                                  *present, kSchemaVersion));
  }
  for (std::int64_t next = *present + 1; next <= version; ++next) {
    if (auto done = step_to(connection, next); !done) {
      return base::with_context(fmt::format("migration to schema version {}", next), done.error());
    }
  }
  return {};
}

}  // namespace iris::store
