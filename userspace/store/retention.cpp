// SPDX-License-Identifier: Apache-2.0
#include "store/retention.h"

#include <fmt/format.h>

#include <map>

namespace iris::store {
namespace {

constexpr std::uint64_t kHourNs = 3'600'000'000'000;
constexpr std::uint64_t kDayNs = 24 * kHourNs;
// `last_ns` may be a day behind; an owner's is that of its batch's first mention.
constexpr std::uint64_t kUnusedMarginNs = 30 * kDayNs;

std::uint64_t cutoff(std::uint64_t now_ns, std::uint64_t age_ns, std::uint64_t bucket_ns) {
  if (now_ns <= age_ns) return 0;
  return (now_ns - age_ns) / bucket_ns * bucket_ns;
}

}  // namespace

base::Result<void> RetentionWorker::prepare_source(sql::Connection& connection, Source& source,
                                                   const std::string& table) {
  return prepare_all(connection,
                     {{&source.read, "SELECT window_start, key_id, value FROM " + table +
                                         " WHERE gateway_id = ? AND window_start < ? ORDER BY window_start, key_id LIMIT ?"},
                      {&source.remove, "DELETE FROM " + table + " WHERE gateway_id = ? AND (window_start, key_id) <= (?, ?)"}});
}

base::Result<void> RetentionWorker::prepare(sql::Connection& connection) {
  connection_ = &connection;
  for (const auto& [source, table] : {std::pair{&flow_raw_, "flow_raw"}, {&flow_hourly_, "flow_hourly"},
                                      {&flow_daily_, "flow_daily"}, {&ledger_raw_, "ledger_raw"},
                                      {&ledger_hourly_, "ledger_hourly"}, {&ledger_daily_, "ledger_daily"}}) {
    if (auto done = prepare_source(connection, *source, table); !done) return done;
  }
  if (auto done = to_flow_hourly_.prepare(connection, "flow_hourly"); !done) return done;
  if (auto done = to_flow_daily_.prepare(connection, "flow_daily"); !done) return done;
  if (auto done = to_ledger_hourly_.prepare(connection, "ledger_hourly"); !done) return done;
  if (auto done = to_ledger_daily_.prepare(connection, "ledger_daily"); !done) return done;
  const std::string event_rows =
      "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE gateway_id = ? AND wall_ns < ? LIMIT ?)";
  const std::string gap_rows =
      "DELETE FROM gap WHERE id IN (SELECT id FROM gap WHERE gateway_id = ? AND end_ns < ? LIMIT ?)";
  // The state that stands is kept, however old, unless it is that the device is gone.
  const std::string state_rows =
      "DELETE FROM device_state WHERE (gateway_id, device_id, wall_ns) IN (SELECT gateway_id, device_id, wall_ns "
      "FROM device_state s WHERE gateway_id = ?1 AND wall_ns < ?2 AND (gone = 1 OR EXISTS (SELECT 1 FROM device_state n "
      "WHERE n.gateway_id = s.gateway_id AND n.device_id = s.device_id AND n.wall_ns > s.wall_ns AND n.wall_ns < ?2)) LIMIT ?3)";
  const std::string address_rows =
      "DELETE FROM device_address WHERE (address, gateway_id, device_id, wall_ns) IN (SELECT address, gateway_id, device_id, "
      "wall_ns FROM device_address a WHERE gateway_id = ?1 AND wall_ns < ?2 AND NOT EXISTS (SELECT 1 FROM device_state s "
      "WHERE s.gateway_id = a.gateway_id AND s.device_id = a.device_id AND s.wall_ns = a.wall_ns) LIMIT ?3)";
  const std::string security_rows =
      "DELETE FROM security_event WHERE id IN (SELECT id FROM security_event WHERE gateway_id = ? AND wall_ns < ? LIMIT ?)";
  const std::string alert_rows =
      "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE gateway_id = ? AND last_ns < ? LIMIT ?)";
  // What no alert that is younger needs.
  const std::string incident_states =
      "DELETE FROM incident_state WHERE rowid IN (SELECT s.rowid FROM incident_state s WHERE s.gateway_id = ?1 AND NOT EXISTS "
      "(SELECT 1 FROM alert a WHERE a.gateway_id = ?1 AND a.last_ns >= ?2 AND a.from_input = s.input_id) LIMIT ?3)";
  const std::string incident_inputs =
      "DELETE FROM incident_input WHERE id IN (SELECT i.id FROM incident_input i WHERE i.gateway_id = ?1 AND NOT EXISTS "
      "(SELECT 1 FROM alert a WHERE a.gateway_id = ?1 AND a.last_ns >= ?2 AND a.from_input < i.id AND a.to_input >= i.id) "
      "LIMIT ?3)";
  return prepare_all(connection,
                     {{&remove_events_, event_rows},
                      {&remove_alerts_, alert_rows},
                      {&remove_incident_states_, incident_states},
                      {&remove_incident_inputs_, incident_inputs},
                      {&remove_states_, state_rows},
                      {&remove_addresses_, address_rows},
                      {&remove_security_, security_rows},
                      {&remove_gaps_, gap_rows},
                      {&remove_keys_, "DELETE FROM flow_key WHERE id > ?1 AND id <= ?2 AND last_ns < ?3"},
                      {&remove_owners_, "DELETE FROM owner WHERE id > ?1 AND id <= ?2 AND last_ns < ?3"},
                      {&last_id_, "SELECT max((SELECT ifnull(max(id), 0) FROM flow_key), (SELECT ifnull(max(id), 0) FROM owner))"}});
}

template <typename Values>
base::Result<std::int64_t> RetentionWorker::move(Source& from, TierWriter<Values>* into, std::int64_t gateway_id,
                                                 std::uint64_t bucket_ns, std::uint64_t before_ns,
                                                 std::int64_t limit) {
  std::map<std::pair<std::uint64_t, std::int64_t>, Values> sums;  // by bucket and key
  std::pair<std::uint64_t, std::int64_t> last;
  std::int64_t rows = 0;
  {
    auto& read = *from.read;
    const ResetAtEnd reset(read);
    if (auto bound = bind_all(read, gateway_id, before_ns, limit); !bound) return tl::unexpected(bound.error());
    for (;; ++rows) {
      auto row = read.step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      last = {read.column_uint64(0), read.column_int64(1)};
      if (into == nullptr) continue;
      Values values;
      if (!values.unpack(read.column_blob(2), last.first)) {
        return base::fail("the store is damaged: the values of a window cannot be read");
      }
      const auto [sum, is_new] = sums.try_emplace({last.first / bucket_ns * bucket_ns, last.second}, values);
      if (!is_new) sum->second.add(values);
    }
  }
  if (rows == 0) return 0;
  for (auto& [key, values] : sums) {
    if (auto done = into->add(gateway_id, key.first, key.second, std::move(values)); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (auto done = run(*from.remove, gateway_id, last.first, last.second); !done) return tl::unexpected(done.error());
  return rows;
}

base::Result<std::int64_t> RetentionWorker::move_gateway(const Retention& retention, std::uint64_t now_ns,
                                                         std::int64_t gateway_id, std::int64_t limit) {
  const std::uint64_t raw_end = cutoff(now_ns, retention.raw_ns, kHourNs);
  const std::uint64_t hourly_end = cutoff(now_ns, retention.hourly_ns, kDayNs);
  const std::uint64_t daily_end = cutoff(now_ns, retention.daily_ns, kDayNs);
  TierWriter<FlowValues>* const no_flows = nullptr;
  TierWriter<LedgerValues>* const no_ledgers = nullptr;
  std::int64_t taken = 0;
  const auto removed = [&](sql::Statement& statement, std::uint64_t before_ns) -> base::Result<std::int64_t> {
    if (auto done = run(statement, gateway_id, before_ns, limit - taken); !done) return tl::unexpected(done.error());
    return connection_->changes();
  };
  const std::function<base::Result<std::int64_t>()> steps[] = {
      [&] { return move(flow_raw_, &to_flow_hourly_, gateway_id, kHourNs, raw_end, limit - taken); },
      [&] { return move(flow_hourly_, &to_flow_daily_, gateway_id, kDayNs, hourly_end, limit - taken); },
      [&] { return move(flow_daily_, no_flows, gateway_id, kDayNs, daily_end, limit - taken); },
      [&] { return move(ledger_raw_, &to_ledger_hourly_, gateway_id, kHourNs, raw_end, limit - taken); },
      [&] { return move(ledger_hourly_, &to_ledger_daily_, gateway_id, kDayNs, hourly_end, limit - taken); },
      [&] { return move(ledger_daily_, no_ledgers, gateway_id, kDayNs, daily_end, limit - taken); },
      [&] { return removed(*remove_events_, hourly_end); },
      [&] { return removed(*remove_gaps_, daily_end); },
      [&] { return removed(*remove_states_, daily_end); },
      [&] { return removed(*remove_addresses_, daily_end); },
      [&] { return removed(*remove_security_, daily_end); },
      [&] { return removed(*remove_alerts_, daily_end); },
      [&] { return removed(*remove_incident_states_, raw_end); },
      [&] { return removed(*remove_incident_inputs_, raw_end); },
  };
  for (const auto& step : steps) {
    const auto rows = step();
    if (!rows) return rows;
    taken += *rows;
    if (taken >= limit) break;
  }
  return taken;
}

/// Looks at the next few rows of the dictionaries; what nothing has used for
/// longer than the oldest roll-up is kept can have no values left.
base::Result<bool> RetentionWorker::forget_unused(std::uint64_t before_ns) {
  if (before_ns == 0) return false;
  const std::int64_t end = looked_at_ + kSliceRows;
  std::int64_t removed = 0;
  for (auto* statement : {&*remove_keys_, &*remove_owners_}) {
    if (auto done = run(*statement, looked_at_, end, before_ns); !done) return tl::unexpected(done.error());
    removed += connection_->changes();
  }
  const ResetAtEnd reset(*last_id_);
  auto row = last_id_->step();
  if (!row) return tl::unexpected(row.error());
  looked_at_ = *row && end < last_id_->column_int64(0) ? end : 0;
  return removed > 0;
}

base::Result<RetentionWorker::Done> RetentionWorker::slice(const Retention& retention, std::uint64_t now_wall_ns,
                                                           const std::vector<std::int64_t>& gateway_ids) {
  std::int64_t left = kSliceRows;
  for (const std::int64_t id : gateway_ids) {
    const auto taken = move_gateway(retention, now_wall_ns, id, left);
    if (!taken) return tl::unexpected(taken.error());
    left -= *taken;
    if (left <= 0) return Done{true, false};
  }
  const auto forgot = forget_unused(cutoff(now_wall_ns, retention.daily_ns + kUnusedMarginNs, kDayNs));
  if (!forgot) return tl::unexpected(forgot.error());
  return Done{false, *forgot};
}

}  // namespace iris::store
