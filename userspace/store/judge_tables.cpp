// SPDX-License-Identifier: Apache-2.0
#include "store/judge_tables.h"

#include <algorithm>

namespace iris::store {
namespace {

/// SQLite's integers are signed; a gateway may claim any time.
std::uint64_t storable(std::uint64_t wall_ns) { return std::min<std::uint64_t>(wall_ns, INT64_MAX); }

base::Result<void> plain(sql::Result<void> done) {
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

}  // namespace

base::Result<void> JudgeTables::prepare(sql::Connection& connection) {
  connection_ = &connection;
  return prepare_all(
      connection,
      {{&add_input_, "INSERT INTO judge_input(kind, gateway_id, body) VALUES(?,?,?)"},
       {&find_inputs_, "SELECT id, kind, gateway_id, body FROM judge_input WHERE id > ? ORDER BY id"},
       {&put_state_, "INSERT INTO judge_state(kind, key, wall_ns, summary, body) VALUES(?,?,?,?,?) "
                     "ON CONFLICT(kind, key) DO UPDATE SET wall_ns = excluded.wall_ns, summary = excluded.summary, "
                     "body = excluded.body"},
       {&find_alert_, "SELECT count, told_count, severity FROM alert WHERE id = ?"},
       // The judge keeps no evidence over a restart: what was longer stays.
       {&update_alert_, "UPDATE alert SET last_ns = max(last_ns, ?2), severity = ?3, count = ?4, body = ?5, "
                        "evidence = iif(length(?6) > length(evidence), ?6, evidence) WHERE id = ?1"}});
}

base::Result<void> JudgeTables::add_input(JudgeInput::Kind kind, std::int64_t gateway_id, std::string_view body) {
  return run(*add_input_, static_cast<std::int64_t>(kind), gateway_id, Blob{body});
}

base::Result<std::vector<JudgeInput>> JudgeTables::inputs(std::uint64_t after, std::size_t max_bytes) {
  auto& find = *find_inputs_;
  const ResetAtEnd reset(find);
  if (auto bound = bind_all(find, after); !bound) return tl::unexpected(bound.error());
  std::vector<JudgeInput> found;
  for (std::size_t bytes = 0; bytes < max_bytes;) {
    auto row = find.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    found.push_back({find.column_uint64(0), static_cast<JudgeInput::Kind>(find.column_int64(1)), find.column_int64(2),
                     std::string(find.column_blob(3))});
    bytes += found.back().body.size() + sizeof(JudgeInput);
  }
  return found;
}

base::Result<std::uint64_t> JudgeTables::states(const std::function<void(JudgeState&&)>& take) {
  auto rows = connection_->query("SELECT kind, key, body, summary FROM judge_state ORDER BY kind, key");
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    auto row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    take({static_cast<JudgeState::Kind>(rows->column_int64(0)), std::string(rows->column_text(1)),
          std::string(rows->column_blob(2)), std::string(rows->column_text(3))});
  }
  const auto number = connection_->query_int64("SELECT input_id FROM judge_checkpoint");
  if (!number) return tl::unexpected(number.error());
  return static_cast<std::uint64_t>(*number);
}

base::Result<void> JudgeTables::checkpoint(std::span<const JudgeState> changed, std::uint64_t number,
                                           std::uint64_t now_wall_ns) {
  for (const auto& state : changed) {
    if (auto done = run(*put_state_, static_cast<std::int64_t>(state.kind), std::string_view(state.key),
                        storable(now_wall_ns), std::string_view(state.summary), Blob{state.body});
        !done) {
      return done;
    }
  }
  if (auto done = connection_->run("UPDATE judge_checkpoint SET input_id = ?", number); !done) return plain(done);
  return plain(connection_->run("DELETE FROM judge_input WHERE id <= ?", number));
}

base::Result<std::optional<JudgeTables::Known>> JudgeTables::find(const std::string& id) {
  auto& find = *find_alert_;
  const ResetAtEnd reset(find);
  if (auto bound = bind_all(find, std::string_view(id)); !bound) return tl::unexpected(bound.error());
  auto row = find.step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<Known>();
  return std::optional(Known{find.column_uint64(0), find.column_uint64(1), static_cast<int>(find.column_int64(2))});
}

base::Result<std::uint64_t> JudgeTables::next_change() {
  if (auto done = connection_->exec("UPDATE alert_change SET change = change + 1"); !done) {
    return tl::unexpected(done.error());
  }
  const auto change = connection_->query_int64("SELECT change FROM alert_change");
  if (!change) return tl::unexpected(change.error());
  return static_cast<std::uint64_t>(*change);
}

base::Result<void> JudgeTables::put(const AlertEntry& alert, std::uint64_t number) {
  const auto known = find(alert.id);
  if (!known) return tl::unexpected(known.error());
  return *known ? update(alert, **known, number) : insert(alert, number);
}

base::Result<void> JudgeTables::insert(const AlertEntry& alert, std::uint64_t number) {
  const auto change = next_change();
  if (!change) return tl::unexpected(change.error());
  const auto from = connection_->query_int64("SELECT input_id FROM judge_checkpoint");
  if (!from) return tl::unexpected(from.error());
  auto done = connection_->run(
      "INSERT INTO alert(id, change, told_count, gateway_id, wall_ns, last_ns, class, severity, count, state, owner, "
      "device_id, profile, contact, from_input, to_input, body, evidence) VALUES(?,?,?,?,?,?,?,?,?,0,?,?,?,?,?,?,?,?)",
      std::string_view(alert.id), *change, alert.count, alert.gateway_id, storable(alert.wall_ns),
      storable(alert.last_wall_ns), std::string_view(alert.alert_class), alert.severity, alert.count,
      std::string_view(alert.owner), std::string_view(alert.device), std::string_view(alert.profile), alert.contact,
      *from, number, std::string_view(alert.body), std::string_view(alert.evidence));
  if (!done) return plain(done);
  return set_aside(alert, static_cast<std::uint64_t>(*from), number);
}

base::Result<void> JudgeTables::set_aside(const AlertEntry& alert, std::uint64_t from, std::uint64_t to) {
  constexpr std::string_view kState =
      "INSERT OR IGNORE INTO incident_state(gateway_id, input_id, kind, key, body) "
      "SELECT ?1, ?2, kind, key, body FROM judge_state WHERE kind = ?3 AND key = ?4";
  for (const auto& key : alert.profiles) {
    if (auto done = connection_->run(kState, alert.gateway_id, from,
                                     static_cast<std::int64_t>(JudgeState::Kind::profile), std::string_view(key));
        !done) {
      return plain(done);
    }
  }
  if (auto done = connection_->run(
          "INSERT OR IGNORE INTO incident_state(gateway_id, input_id, kind, key, body) "
          "SELECT ?1, ?2, s.kind, s.key, s.body FROM judge_state s JOIN gateway g ON g.name = s.key "
          "WHERE s.kind = ?3 AND g.id = ?1",
          alert.gateway_id, from, static_cast<std::int64_t>(JudgeState::Kind::gateway));
      !done) {
    return plain(done);
  }
  return plain(connection_->run(
      "INSERT OR IGNORE INTO incident_input(id, kind, gateway_id, body) SELECT id, kind, gateway_id, body "
      "FROM judge_input WHERE id > ? AND id <= ? AND gateway_id = ?",
      from, to, alert.gateway_id));
}

base::Result<void> JudgeTables::update(const AlertEntry& alert, const Known& known, std::uint64_t number) {
  // Inputs judged again after a crash find the same again, and less of it at first.
  if (alert.count < known.count) return {};
  if (auto done = run(*update_alert_, std::string_view(alert.id), storable(alert.last_wall_ns),
                      std::int64_t{alert.severity}, alert.count, std::string_view(alert.body),
                      std::string_view(alert.evidence));
      !done) {
    return done;
  }
  if (alert.severity <= known.severity && alert.count < 2 * known.told_count) return {};
  const auto change = next_change();
  if (!change) return tl::unexpected(change.error());
  if (auto done = connection_->run("UPDATE alert SET change = ?, told_count = ? WHERE id = ?", *change, alert.count,
                                   std::string_view(alert.id));
      !done || alert.severity <= known.severity) {
    return plain(done);
  }
  // What made it graver is what to look at; the state has the alert as it was.
  const auto from = connection_->query_int64("SELECT input_id FROM judge_checkpoint");
  if (!from) return tl::unexpected(from.error());
  if (auto done = connection_->run("UPDATE alert SET from_input = ?, to_input = ? WHERE id = ?", *from, number,
                                   std::string_view(alert.id));
      !done) {
    return plain(done);
  }
  return set_aside(alert, static_cast<std::uint64_t>(*from), number);
}

base::Result<bool> JudgeTables::set_state(const std::string& id, AlertState state) {
  const auto known = find(id);
  if (!known) return tl::unexpected(known.error());
  if (!*known) return false;
  const auto change = next_change();
  if (!change) return tl::unexpected(change.error());
  if (auto done = connection_->run("UPDATE alert SET change = ?, state = ? WHERE id = ?", *change,
                                   static_cast<std::int64_t>(state), std::string_view(id));
      !done) {
    return tl::unexpected(done.error());
  }
  auto row = connection_->query("SELECT gateway_id, contact, profile FROM alert WHERE id = ?", std::string_view(id));
  if (!row) return tl::unexpected(row.error());
  if (auto there = row->step(); !there) return tl::unexpected(there.error());
  const std::string body = id + '\n' + std::to_string(static_cast<int>(state)) + '\n' +
                           std::to_string(row->column_uint64(1)) + '\n' + std::string(row->column_text(2));
  if (auto done = add_input(JudgeInput::Kind::verdict, row->column_int64(0), body); !done) {
    return tl::unexpected(done.error());
  }
  return true;
}

base::Result<void> JudgeTables::set_sink_position(const std::string& sink, std::uint64_t change) {
  return plain(connection_->run("INSERT OR REPLACE INTO sink_position(sink, change) VALUES(?,?)",
                                std::string_view(sink), change));
}

}  // namespace iris::store
