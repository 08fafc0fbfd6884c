// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "flow/batch.h"
#include "spool/spool.h"
#include "sql/sql.h"

namespace iris::spool {

// Of a row, a gap or the state, as the files say; see README.md for the format.
struct State {
  std::uint64_t epoch = 0;
  std::uint64_t offered = 0;        // sequences up to here may have been sent
  std::uint64_t dropped = 0;        // batches, for want of room
  std::uint64_t last_sequence = 0;  // of the newest row
  std::uint64_t last_end_wall_ns = 0;
};

/// How the limit on all files is shared out.
struct Limits {
  std::uint64_t database_pages = 0;
  std::uint64_t wal_bytes = 0;      // the log is emptied well before
  std::uint64_t row_bytes = 0;      // largest row, packed
};

inline constexpr std::uint64_t kMinBytes = 1ULL << 20;
inline constexpr std::uint32_t kPageBytes = 2048;  // half the log of 4096 for a window of 20 flows

/// True when SQLite found the file itself damaged, rather than the disk failing.
bool is_damage(const sql::Error& error);

/// The spool's directory: one lock, one database file, and those set aside.
class Directory {
 public:
  explicit Directory(const SpoolOptions& options) : options_(options) {}

  /// Creates the directory and takes the lock. An error of kind usage says that
  /// another process holds it.
  base::Result<void> lock();
  bool locked() const { return static_cast<bool>(lock_); }

  /// Opens the database, creating it when there was none before. One that was there
  /// and is gone or empty counts as damaged.
  sql::Result<sql::Connection> open_database();
  /// Puts the files of the database, if any, under another name, so that
  /// open_database() makes a new one.
  base::Result<void> set_aside();

  Limits limits() const;
  std::uint64_t wal_bytes() const;
  std::uint64_t bytes() const;  // of all files
  const std::vector<std::string>& quarantined() const { return quarantined_; }

 private:
  std::filesystem::path file() const;
  std::filesystem::path damaged(int number) const;
  std::uint64_t damaged_bytes() const;
  void remove_damaged(int number);
  sql::Result<void> check(sql::Connection& connection);
  bool held_a_spool() const;
  void remember_the_spool() const;

  SpoolOptions options_;
  base::UniqueFd lock_;
  bool begins_anew_ = false;
  std::vector<std::string> quarantined_;
};

sql::Result<State> read_state(sql::Connection& connection);

/// Random, and not 0.
std::uint64_t new_epoch();

/// Remembers the gap until a batch takes it along; with one of the same reason when
/// there are many, or both are for want of room.
sql::Result<void> add_gap(sql::Connection& connection, const flow::Gap& gap);
sql::Result<std::vector<flow::Gap>> read_gaps(sql::Connection& connection);

/// Batch::keep, within a transaction of the caller; and what was kept so, without the
/// prefix of its key.
sql::Result<void> keep(sql::Connection& connection, const std::map<std::string, std::string>& values);
sql::Result<std::map<std::string, std::string>> read_kept(sql::Connection& connection, std::string_view prefix);

}  // namespace iris::spool
