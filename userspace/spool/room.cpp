// SPDX-License-Identifier: Apache-2.0
#include "spool/room.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "flow/merge.h"
#include "wire/batch_codec.h"

namespace iris::spool {
namespace {

/// Windows in one row after the first and after the second folding: 5 minutes and
/// an hour of ten-second windows.
constexpr std::uint64_t kWindows[] = {30, 360};
/// More than rows, pages and lists of free ones need around one row.
constexpr std::uint64_t kSparePages = 12;

constexpr const char* kColumns =
    "SELECT last_sequence, first_sequence, start_wall_ns, end_wall_ns, flows, content FROM batches ";

Room::Row row_of(const sql::Statement& from) {
  return {from.column_uint64(0), from.column_uint64(1), from.column_uint64(2),
          from.column_uint64(3), from.column_uint64(4), std::string(from.column_blob(5))};
}

sql::Result<void> replace(sql::Connection& connection, const std::vector<Room::Row>& group, const flow::Batch& merged,
                          const std::string& packed) {
  const std::uint64_t first = group.front().first_sequence;
  const std::uint64_t last = group.back().last_sequence;
  std::uint64_t flows = 0;
  for (const auto& row : group) flows += row.flows;
  auto gone = connection.run("DELETE FROM batches WHERE last_sequence BETWEEN ?1 AND ?2", first, last);
  if (!gone) return gone;
  return connection.run("INSERT INTO batches VALUES(?1, ?2, ?3, ?4, ?5, ?6)", last, first, merged.start_wall_ns,
                        merged.end_wall_ns, flows, sql::Blob{packed});
}

}  // namespace

sql::Result<void> drop_row(sql::Connection& connection, std::uint64_t last_sequence, const std::string& reason) {
  std::optional<Room::Row> row;
  {
    auto found = connection.query(std::string(kColumns) + "WHERE last_sequence = ?1", last_sequence);
    if (!found) return tl::unexpected(found.error());
    const auto any = found->step();
    if (!any) return tl::unexpected(any.error());
    if (!*any) return {};
    row = row_of(*found);
  }
  const flow::Gap lost{row->start_wall_ns, row->end_wall_ns, reason, row->windows(), row->flows};
  if (auto named = add_gap(connection, lost); !named) return named;
  // What the batch itself had to tell of gaps still has to be told.
  if (const auto batch = wire::unpack(row->content)) {
    for (const auto& gap : batch->gaps) {
      if (auto named = add_gap(connection, gap); !named) return named;
    }
  }
  auto emptied = connection.run(
      "UPDATE batches SET content = NULL"
      " WHERE last_sequence = ?1 AND last_sequence = (SELECT max(last_sequence) FROM batches)",
      last_sequence);
  if (!emptied || connection.changes() > 0) return emptied;
  return connection.run("DELETE FROM batches WHERE last_sequence = ?1", last_sequence);
}

sql::Result<void> leave_rows(sql::Connection& connection, std::uint64_t there, std::uint64_t unsure) {
  for (;;) {
    // One folded of windows on both sides of a border goes with the unsure ones.
    auto next = connection.query(
        "SELECT last_sequence FROM batches WHERE last_sequence > ?1 AND first_sequence <= ?2 AND content IS NOT NULL"
        " ORDER BY last_sequence LIMIT 1",
        there, unsure);
    if (!next) return tl::unexpected(next.error());
    const auto any = next->step();
    if (!any) return tl::unexpected(any.error());
    if (!*any) break;
    const std::uint64_t last_sequence = next->column_uint64(0);
    next->reset();
    if (auto dropped = drop_row(connection, last_sequence, "spool_restored"); !dropped) return dropped;
  }
  auto gone = connection.run(
      "DELETE FROM batches WHERE last_sequence <= ?1 AND last_sequence < (SELECT max(last_sequence) FROM batches)", unsure);
  if (!gone) return gone;
  auto emptied = connection.run("UPDATE batches SET content = NULL, last_sequence = ?1, first_sequence = ?1"
                                " WHERE last_sequence <= ?1", unsure);
  if (!emptied) return emptied;
  return connection.run("UPDATE batches SET last_sequence = last_sequence - ?1, first_sequence = first_sequence - ?1",
                        unsure);
}

sql::Result<bool> Room::make(sql::Connection& connection, std::uint64_t bytes, std::uint64_t offered,
                             std::uint64_t newest) {
  for (;;) {
    const auto enough = fits(connection, bytes);
    if (!enough || *enough) return enough;
    bool freed = false;
    for (std::size_t level = 0; level < kLevels && !freed; ++level) {
      const auto folded = fold_some(connection, level, offered, newest);
      if (!folded) return folded;
      freed = *folded;
    }
    if (freed) continue;
    const auto dropped = drop_one(connection, offered, newest);
    if (!dropped || !*dropped) return dropped;
  }
}

sql::Result<bool> Room::fits(sql::Connection& connection, std::uint64_t bytes) const {
  const auto pages = connection.query_int64("PRAGMA page_count");
  if (!pages) return tl::unexpected(pages.error());
  const auto unused = connection.query_int64("PRAGMA freelist_count");
  if (!unused) return tl::unexpected(unused.error());
  const auto used = static_cast<std::uint64_t>(*pages - *unused);
  return used + bytes / (kPageBytes - 100) + kSparePages <= limits_.database_pages;
}

sql::Result<std::vector<Room::Row>> Room::next_group(sql::Connection& connection, std::size_t level,
                                                     std::uint64_t offered, std::uint64_t newest) {
  const std::uint64_t most = kWindows[level];
  std::vector<Row> group;
  std::uint64_t windows = 0;
  std::uint64_t bytes = 0;
  const auto add = [&](Row row) {
    windows += row.windows();
    bytes += row.content.size();
    group.push_back(std::move(row));
  };
  auto rows = connection.query(std::string(kColumns) + "WHERE last_sequence > ?1 AND last_sequence < ?2",
                               std::max(folded_to_[level], offered), newest);
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    const auto any = rows->step();
    if (!any) return tl::unexpected(any.error());
    if (!*any) break;
    Row row = row_of(*rows);
    const bool follows = group.empty() || row.first_sequence == group.back().last_sequence + 1;
    if (follows && windows + row.windows() <= most && bytes + row.content.size() <= limits_.row_bytes) {
      add(std::move(row));
      continue;
    }
    if (group.size() > 1) return group;
    // One alone cannot be folded.
    folded_to_[level] = group.empty() ? row.last_sequence : group.back().last_sequence;
    group.clear();
    windows = bytes = 0;
    if (row.windows() < most) add(std::move(row));
  }
  // A short group at the end may still grow.
  if (windows < most / 2) group.clear();
  return group;
}

sql::Result<bool> Room::fold_some(sql::Connection& connection, std::size_t level, std::uint64_t offered,
                                  std::uint64_t newest) {
  for (;;) {
    const auto group = next_group(connection, level, offered, newest);
    if (!group) return tl::unexpected(group.error());
    if (group->empty()) return false;
    folded_to_[level] = group->back().last_sequence;
    std::uint64_t bytes = 0;
    std::vector<flow::Batch> batches;
    for (const auto& row : *group) {
      auto batch = wire::unpack(row.content);
      if (!batch) {
        if (auto gone = drop_row(connection, row.last_sequence, "spool_corrupted"); !gone) return tl::unexpected(gone.error());
        return true;
      }
      bytes += row.content.size();
      batches.push_back(std::move(*batch));
    }
    const flow::Batch merged = flow::merge(std::move(batches));
    const auto packed = wire::pack(merged);
    // Not worth the detail that it costs: the next group may do better.
    if (!packed || packed->size() > bytes / 4 * 3) continue;
    if (auto replaced = replace(connection, *group, merged, *packed); !replaced) return tl::unexpected(replaced.error());
    return true;
  }
}

sql::Result<bool> Room::drop_one(sql::Connection& connection, std::uint64_t offered, std::uint64_t newest) {
  std::uint64_t oldest = 0;
  for (const std::uint64_t behind : {offered, std::uint64_t{0}}) {
    auto found = connection.query(
        "SELECT last_sequence FROM batches WHERE last_sequence > ?1 AND last_sequence < ?2"
        " ORDER BY last_sequence LIMIT 1",
        behind, newest);
    if (!found) return tl::unexpected(found.error());
    const auto any = found->step();
    if (!any) return any;
    if (*any) oldest = found->column_uint64(0);
    if (oldest != 0) break;
  }
  if (oldest == 0) return false;
  auto counted = connection.run(
      "UPDATE state SET dropped = dropped +"
      " (SELECT last_sequence - first_sequence + 1 FROM batches WHERE last_sequence = ?1)",
      oldest);
  if (!counted) return tl::unexpected(counted.error());
  if (auto dropped = drop_row(connection, oldest, "spool_full"); !dropped) return tl::unexpected(dropped.error());
  return true;
}

}  // namespace iris::spool
