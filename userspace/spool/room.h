// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "spool/database.h"
#include "sql/sql.h"

namespace iris::spool {

/// Keeps the database within its share: folds the oldest rows into coarser ones,
/// and drops the oldest only where that does not help. Never touches the newest
/// row, which carries the sequence on, and prefers rows that were never offered
/// for sending: folded with others, one that the collector had already committed
/// would count twice.
class Room {
 public:
  struct Row {
    std::uint64_t last_sequence = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t start_wall_ns = 0;
    std::uint64_t end_wall_ns = 0;
    std::uint64_t flows = 0;
    std::string content;
    std::uint64_t windows() const { return last_sequence - first_sequence + 1; }
  };

  explicit Room(Limits limits) : limits_(limits) {}

  /// Until a row of `bytes` fits. In a transaction. False: it cannot be made to fit.
  sql::Result<bool> make(sql::Connection& connection, std::uint64_t bytes, std::uint64_t offered, std::uint64_t newest);
  /// A transaction that make() took part in was rolled back.
  void rolled_back() { folded_to_ = {}; }

 private:
  static constexpr std::size_t kLevels = 2;
  sql::Result<bool> fits(sql::Connection& connection, std::uint64_t bytes) const;
  /// The oldest rows that can be one of that level; empty: there are none.
  sql::Result<std::vector<Row>> next_group(sql::Connection& connection, std::size_t level, std::uint64_t offered,
                                           std::uint64_t newest);
  sql::Result<bool> fold_some(sql::Connection& connection, std::size_t level, std::uint64_t offered,
                              std::uint64_t newest);
  sql::Result<bool> drop_one(sql::Connection& connection, std::uint64_t offered, std::uint64_t newest);

  Limits limits_;
  std::array<std::uint64_t, kLevels> folded_to_{};  // nothing to fold up to this sequence
};

/// Deletes the row, of a damaged or unwanted content, and names what was in it as a
/// gap. The newest row only loses its content.
sql::Result<void> drop_row(sql::Connection& connection, std::uint64_t last_sequence, const std::string& reason);

/// For a new epoch: deletes what is `there` already, up to this sequence; drops, as
/// "spool_restored", what is behind that up to `unsure`; the rest counts from 1. The
/// newest row stays, if need be without content and as number 0. In a transaction.
sql::Result<void> leave_rows(sql::Connection& connection, std::uint64_t there, std::uint64_t unsure);

}  // namespace iris::spool
