// SPDX-License-Identifier: Apache-2.0
#include "store/alert_reader.h"

#include <algorithm>
#include <string>

namespace iris::store {
namespace {

// With the identity as it was then; or, told late, as it was first known.
constexpr const char* kColumns = R"sql(
SELECT a.change, a.gateway_id, a.id, a.severity, a.state, a.profile, a.contact, a.body, a.evidence,
  (SELECT d.body FROM device_state d WHERE d.gateway_id = a.gateway_id AND d.device_id = a.device_id AND d.wall_ns =
    ifnull((SELECT max(b.wall_ns) FROM device_state b WHERE b.gateway_id = a.gateway_id AND b.device_id = a.device_id
            AND b.gone = 0 AND b.wall_ns <= a.wall_ns),
           (SELECT min(c.wall_ns) FROM device_state c WHERE c.gateway_id = a.gateway_id AND c.device_id = a.device_id
            AND c.gone = 0)))
FROM alert a )sql";

constexpr const char* kOfAny = "WHERE (?1 IS NULL OR a.gateway_id = ?1)";
constexpr const char* kOfGateway = "WHERE a.gateway_id = ?1";  // finds its index

constexpr const char* kWhere = R"sql(
  AND (?2 = '' OR a.id = ?2) AND (?3 = '' OR a.owner = ?3)
  AND (?4 = '' OR a.device_id = ?4) AND (?5 = '' OR a.class = ?5) AND (?6 IS NULL OR a.state = ?6)
  AND a.severity >= ?7 AND a.last_ns >= ?8 AND a.last_ns < ?9 )sql";

const char* name_of(AlertState state) {
  switch (state) {
    case AlertState::acknowledged: return "acknowledged";
    case AlertState::false_positive: return "false_positive";
    case AlertState::closed: return "closed";
    case AlertState::open: break;
  }
  return "open";
}

StoredAlert alert_of(const sql::Statement& row) {
  StoredAlert alert;
  alert.change = row.column_uint64(0);
  alert.gateway_id = row.column_int64(1);
  alert.id = row.column_text(2);
  alert.severity = static_cast<int>(row.column_int64(3));
  alert.state = static_cast<AlertState>(row.column_int64(4));
  alert.profile = row.column_text(5);
  alert.contact = row.column_uint64(6);
  alert.json = row.column_text(7);
  alert.json.pop_back();  // its closing brace
  alert.json += ",\"device\":";
  alert.json += row.column_is_null(9) ? "null" : row.column_text(9);
  alert.json += ",\"evidence\":";
  alert.json += row.column_text(8);
  alert.json += ",\"status\":\"";
  alert.json += name_of(alert.state);
  alert.json += "\"}";
  return alert;
}

std::uint64_t signed_time(std::uint64_t ns) { return std::min<std::uint64_t>(ns, INT64_MAX); }

}  // namespace

base::Result<void> AlertReader::prepare(sql::Connection& connection) {
  connection_ = &connection;
  const std::string columns = kColumns;
  const std::string where = kOfAny + std::string(kWhere);
  return prepare_all(
      connection,
      {{&find_alerts_, columns + where + "ORDER BY a.last_ns DESC, a.id LIMIT ?10 OFFSET ?11"},
       {&find_of_gateway_, columns + kOfGateway + kWhere + "ORDER BY a.last_ns DESC, a.id LIMIT ?10 OFFSET ?11"},
       {&find_first_alerts_, columns + where + "ORDER BY a.wall_ns, a.id LIMIT ?10 OFFSET ?11"},
       {&find_changes_, columns + "WHERE a.change > ?1 ORDER BY a.change LIMIT ?2"},
       {&find_profiles_, "SELECT key, wall_ns, body, summary FROM judge_state WHERE kind = 0 AND (?1 = '' OR key = ?1) "
                         "ORDER BY key LIMIT ?2 OFFSET ?3"}});
}

base::Result<void> AlertReader::alerts(const AlertQuery& query, const std::function<void(const StoredAlert&)>& take) {
  auto& find = query.oldest_first ? *find_first_alerts_ : query.gateway_id ? *find_of_gateway_ : *find_alerts_;
  const ResetAtEnd reset(find);
  std::optional<std::int64_t> state;
  if (query.state) state = static_cast<std::int64_t>(*query.state);
  if (auto bound = bind_all(find, query.gateway_id, std::string_view(query.id), std::string_view(query.owner),
                            std::string_view(query.device), std::string_view(query.alert_class), state,
                            std::int64_t{query.min_severity}, signed_time(query.start_wall_ns),
                            signed_time(query.end_wall_ns), static_cast<std::uint64_t>(query.limit),
                            static_cast<std::uint64_t>(query.offset));
      !bound) {
    return tl::unexpected(bound.error());
  }
  return each_row(find, [&] { take(alert_of(find)); });
}

base::Result<std::vector<StoredAlert>> AlertReader::changes(std::uint64_t change, std::size_t limit) {
  auto& find = *find_changes_;
  const ResetAtEnd reset(find);
  if (auto bound = bind_all(find, change, static_cast<std::uint64_t>(limit)); !bound) {
    return tl::unexpected(bound.error());
  }
  std::vector<StoredAlert> found;
  if (auto done = each_row(find, [&] { found.push_back(alert_of(find)); }); !done) return tl::unexpected(done.error());
  return found;
}

base::Result<void> AlertReader::profiles(const ProfileQuery& query,
                                         const std::function<void(const StoredProfile&)>& take) {
  auto& find = *find_profiles_;
  const ResetAtEnd reset(find);
  if (auto bound = bind_all(find, std::string_view(query.key), static_cast<std::uint64_t>(query.limit),
                            static_cast<std::uint64_t>(query.offset));
      !bound) {
    return tl::unexpected(bound.error());
  }
  return each_row(find, [&] {
    take({std::string(find.column_text(0)), find.column_uint64(1), std::string(find.column_blob(2)),
          std::string(find.column_text(3))});
  });
}

base::Result<std::optional<StoredIncident>> AlertReader::incident(const std::string& alert_id) {
  auto alert = connection_->query(
      "SELECT a.gateway_id, a.from_input, a.to_input, g.name FROM alert a JOIN gateway g ON g.id = a.gateway_id WHERE a.id = ?",
      std::string_view(alert_id));
  if (!alert) return tl::unexpected(alert.error());
  auto there = alert->step();
  if (!there) return tl::unexpected(there.error());
  if (!*there) return std::optional<StoredIncident>();
  StoredIncident incident;
  incident.gateway = alert->column_text(3);
  const auto gateway = alert->column_int64(0);
  const auto from = alert->column_uint64(1);
  auto states = connection_->query(
      "SELECT kind, key, body FROM incident_state WHERE gateway_id = ? AND input_id = ? ORDER BY kind, key", gateway, from);
  if (!states) return tl::unexpected(states.error());
  if (auto done = each_row(*states, [&] {
        incident.states.push_back({static_cast<JudgeState::Kind>(states->column_int64(0)),
                                   std::string(states->column_text(1)), std::string(states->column_blob(2)), {}});
      });
      !done) {
    return tl::unexpected(done.error());
  }
  auto inputs = connection_->query(
      "SELECT id, kind, body FROM incident_input WHERE gateway_id = ? AND id > ? AND id <= ? ORDER BY id", gateway, from,
      alert->column_uint64(2));
  if (!inputs) return tl::unexpected(inputs.error());
  if (auto done = each_row(*inputs, [&] {
        incident.inputs.push_back({inputs->column_uint64(0), static_cast<JudgeInput::Kind>(inputs->column_int64(1)),
                                   gateway, std::string(inputs->column_blob(2))});
      });
      !done) {
    return tl::unexpected(done.error());
  }
  if (incident.inputs.empty()) return std::optional<StoredIncident>();
  return std::optional(std::move(incident));
}

base::Result<std::uint64_t> AlertReader::sink_position(const std::string& sink) {
  auto row = connection_->query(
      "SELECT ifnull((SELECT change FROM sink_position WHERE sink = ?), (SELECT change FROM alert_change))",
      std::string_view(sink));
  if (!row) return tl::unexpected(row.error());
  if (auto there = row->step(); !there) return tl::unexpected(there.error());
  return row->column_uint64(0);
}

}  // namespace iris::store
