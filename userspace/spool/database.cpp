// SPDX-License-Identifier: Apache-2.0
#include "spool/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace iris::spool {
namespace {

constexpr std::int64_t kApplicationId = 0x49524953;  // "IRIS"
constexpr std::int64_t kSchemaVersion = 1;
constexpr std::uint64_t kMaxWalBytes = 8ULL << 20;
constexpr int kMaxDamaged = 2;
/// Up to this size every page is looked at when the file is opened.
constexpr std::uint64_t kMaxCheckedBytes = 32ULL << 20;
constexpr std::int64_t kMaxGaps = 64;

constexpr const char* kSchema = R"(
  CREATE TABLE state(
    id INTEGER PRIMARY KEY CHECK(id = 1), epoch INTEGER NOT NULL, offered INTEGER NOT NULL, dropped INTEGER NOT NULL);
  CREATE TABLE batches(
    last_sequence INTEGER PRIMARY KEY, first_sequence INTEGER NOT NULL, start_wall_ns INTEGER NOT NULL,
    end_wall_ns INTEGER NOT NULL, flows INTEGER NOT NULL, content BLOB);
  CREATE TABLE gaps(
    id INTEGER PRIMARY KEY, start_wall_ns INTEGER NOT NULL, end_wall_ns INTEGER NOT NULL, reason TEXT NOT NULL,
    windows INTEGER NOT NULL, flows INTEGER NOT NULL);
)";

// Not in the first files of this version: made when there is something to keep.
constexpr const char* kKept = "CREATE TABLE IF NOT EXISTS kept(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID";

std::uint64_t size_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  return error ? 0 : size;
}

std::filesystem::path with_suffix(std::filesystem::path file, const char* suffix) { return file += suffix; }

sql::Error damage(std::string what) {
  sql::Error error;
  error.code = SQLITE_CORRUPT;
  error.message = std::move(what);
  return error;
}

sql::Result<void> create(sql::Connection& connection) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) return tl::unexpected(transaction.error());
  if (auto made = connection.exec(kSchema); !made) return made;
  if (auto made = connection.run("INSERT INTO state VALUES(1, ?1, 0, 0)", new_epoch()); !made) return made;
  const auto versions =
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, kSchemaVersion);
  if (auto made = connection.exec(versions); !made) return made;
  return transaction->commit();
}

}  // namespace

std::uint64_t new_epoch() {
  std::uint64_t epoch = 0;
  while (epoch == 0) {
    if (getrandom(&epoch, sizeof epoch, 0) != sizeof epoch) epoch = 0;
  }
  return epoch;
}

bool is_damage(const sql::Error& error) {
  return error.primary() == SQLITE_CORRUPT || error.primary() == SQLITE_NOTADB;
}

std::filesystem::path Directory::file() const { return options_.directory / "spool.db"; }

std::filesystem::path Directory::damaged(int number) const {
  return options_.directory / fmt::format("spool.db.damaged-{}", number);
}

base::Result<void> Directory::lock() {
  std::error_code error;
  const auto& directory = options_.directory;
  if (!std::filesystem::is_directory(directory, error)) {
    std::filesystem::create_directories(directory.parent_path(), error);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return base::fail_errno("cannot create the spool's directory " + directory.string(), errno);
    }
  }
  const auto name = directory / "spool.lock";
  base::UniqueFd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) lock.reset(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock) return base::fail_errno("cannot open " + name.string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return base::fail(fmt::format("another process uses the spool in {}: stop it, or choose another directory",
                                  directory.string()),
                      base::Error::Kind::usage);
  }
  lock_ = std::move(lock);
  return {};
}

bool Directory::held_a_spool() const {
  struct stat about {};
  return ::fstat(lock_.get(), &about) == 0 && about.st_size > 0;
}

/// In the lock file, which outlives the database. On a disk that fails it is done at a later start.
void Directory::remember_the_spool() const {
  constexpr std::string_view kMark = "spool.db was created\n";
  if (held_a_spool()) return;
  if (::pwrite(lock_.get(), kMark.data(), kMark.size(), 0) > 0) static_cast<void>(::fsync(lock_.get()));
}

sql::Result<sql::Connection> Directory::open_database() {
  // SQLite takes an empty file for a new one.
  if (held_a_spool() && !begins_anew_ && size_of(file()) == 0) {
    return tl::unexpected(damage("the spool's file is gone or empty"));
  }
  // The limit is for all files, and this one needs its share.
  for (int number = kMaxDamaged; number > 0 && damaged_bytes() > options_.max_bytes / 2; --number) {
    remove_damaged(number);
  }
  // SQLite takes the mode of its log from the database, so that this one counts for both.
  base::UniqueFd(::open(file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  auto connection = sql::Connection::open(file(), {.vfs = options_.vfs});
  if (!connection) return connection;
  const Limits share = limits();
  // Exclusive: the index of the log lives in our memory, not in a third file.
  const auto settings = fmt::format(
      "PRAGMA page_size = {}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -512; PRAGMA wal_autocheckpoint = {};"
      "PRAGMA journal_size_limit = {}; PRAGMA max_page_count = {}",
      kPageBytes, share.wal_bytes / 4 / kPageBytes, share.wal_bytes / 2, share.database_pages);
  if (auto set = connection->exec(settings); !set) return tl::unexpected(set.error());
  if (auto checked = check(*connection); !checked) return tl::unexpected(checked.error());
  begins_anew_ = false;
  remember_the_spool();
  return connection;
}

sql::Result<void> Directory::check(sql::Connection& connection) {
  const auto version = connection.query_int64("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  const auto tables = connection.query_int64("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tl::unexpected(tables.error());
  if (*version == 0 && *tables == 0) return create(connection);
  const auto application = connection.query_int64("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  if (*application != kApplicationId || *version != kSchemaVersion) {
    return tl::unexpected(damage(fmt::format("the spool's file has version {}, not {}", *version, kSchemaVersion)));
  }
  // Of a larger file each row is checked when it is read, by its own checksum, and each page when
  // it is used: to look at a quarter of a gigabyte first would hold up the start for seconds.
  if (size_of(file()) > kMaxCheckedBytes) return {};
  const auto verdict = connection.query_text("PRAGMA quick_check(1)");
  if (!verdict) return tl::unexpected(verdict.error());
  if (*verdict != "ok") return tl::unexpected(damage(*verdict));
  return {};
}

base::Result<void> Directory::set_aside() {
  begins_anew_ = true;
  std::error_code error;
  if (!std::filesystem::exists(file(), error)) {
    std::filesystem::remove(with_suffix(file(), "-wal"), error);
    return {};
  }
  // The newest has number 1.
  remove_damaged(kMaxDamaged);
  for (int number = kMaxDamaged; number > 0; --number) {
    const auto from = number == 1 ? file() : damaged(number - 1);
    std::filesystem::rename(from, damaged(number), error);
    if (number == 1 && error) {
      return base::fail(fmt::format("cannot set {} aside: {}", file().string(), error.message()));
    }
    std::filesystem::rename(with_suffix(from, "-wal"), with_suffix(damaged(number), "-wal"), error);
  }
  quarantined_.push_back(damaged(1).string());
  return {};
}

void Directory::remove_damaged(int number) {
  std::error_code ignored;
  std::filesystem::remove(damaged(number), ignored);
  std::filesystem::remove(with_suffix(damaged(number), "-wal"), ignored);
}

std::uint64_t Directory::damaged_bytes() const {
  std::uint64_t sum = 0;
  for (int number = 1; number <= kMaxDamaged; ++number) {
    sum += size_of(damaged(number)) + size_of(with_suffix(damaged(number), "-wal"));
  }
  return sum;
}

Limits Directory::limits() const {
  Limits limits;
  limits.wal_bytes = std::min(options_.max_bytes / 8, kMaxWalBytes);
  limits.row_bytes = limits.wal_bytes / 4;
  limits.database_pages = (options_.max_bytes - limits.wal_bytes - damaged_bytes()) / kPageBytes;
  return limits;
}

std::uint64_t Directory::wal_bytes() const { return size_of(with_suffix(file(), "-wal")); }
std::uint64_t Directory::bytes() const { return size_of(file()) + wal_bytes() + damaged_bytes(); }

sql::Result<State> read_state(sql::Connection& connection) {
  State state;
  auto row = connection.query("SELECT epoch, offered, dropped FROM state");
  if (!row) return tl::unexpected(row.error());
  const auto found = row->step();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return tl::unexpected(damage("the spool's file has no state"));
  state.epoch = row->column_uint64(0);
  state.offered = row->column_uint64(1);
  state.dropped = row->column_uint64(2);
  auto newest =
      connection.query("SELECT last_sequence, end_wall_ns FROM batches ORDER BY last_sequence DESC LIMIT 1");
  if (!newest) return tl::unexpected(newest.error());
  const auto any = newest->step();
  if (!any) return tl::unexpected(any.error());
  if (*any) {
    state.last_sequence = newest->column_uint64(0);
    state.last_end_wall_ns = newest->column_uint64(1);
  }
  return state;
}

sql::Result<void> add_gap(sql::Connection& connection, const flow::Gap& gap) {
  const auto count = connection.query_int64("SELECT count(*) FROM gaps");
  if (!count) return tl::unexpected(count.error());
  if (gap.reason == "spool_full" || *count >= kMaxGaps) {
    auto joined = connection.run(
        "UPDATE gaps SET start_wall_ns = min(start_wall_ns, ?1), end_wall_ns = max(end_wall_ns, ?2),"
        " windows = windows + ?3, flows = flows + ?4 WHERE id = (SELECT max(id) FROM gaps WHERE reason = ?5)",
        gap.start_wall_ns, gap.end_wall_ns, gap.windows, gap.flows, gap.reason);
    if (!joined || connection.changes() > 0) return joined;
  }
  return connection.run("INSERT INTO gaps(start_wall_ns, end_wall_ns, reason, windows, flows) VALUES(?1, ?2, ?3, ?4, ?5)",
                        gap.start_wall_ns, gap.end_wall_ns, gap.reason, gap.windows, gap.flows);
}

sql::Result<std::vector<flow::Gap>> read_gaps(sql::Connection& connection) {
  std::vector<flow::Gap> gaps;
  auto rows = connection.query("SELECT start_wall_ns, end_wall_ns, reason, windows, flows FROM gaps ORDER BY id");
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    const auto row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return gaps;
    gaps.push_back({rows->column_uint64(0), rows->column_uint64(1), std::string(rows->column_text(2)),
                    rows->column_uint64(3), rows->column_uint64(4)});
  }
}

sql::Result<void> keep(sql::Connection& connection, const std::map<std::string, std::string>& values) {
  if (values.empty()) return {};
  if (auto made = connection.exec(kKept); !made) return made;
  for (const auto& [key, value] : values) {
    auto done = value.empty() ? connection.run("DELETE FROM kept WHERE key = ?1", std::string_view(key))
                              : connection.run("INSERT OR REPLACE INTO kept VALUES(?1, ?2)", std::string_view(key),
                                               sql::Blob{value});
    if (!done) return done;
  }
  return {};
}

sql::Result<std::map<std::string, std::string>> read_kept(sql::Connection& connection, std::string_view prefix) {
  std::map<std::string, std::string> values;
  const auto there = connection.query_int64("SELECT count(*) FROM sqlite_master WHERE name = 'kept'");
  if (!there) return tl::unexpected(there.error());
  if (*there == 0) return values;
  auto rows = connection.query("SELECT key, value FROM kept WHERE substr(key, 1, ?1) = ?2",
                               static_cast<std::int64_t>(prefix.size()), prefix);
  if (!rows) return tl::unexpected(rows.error());
  for (;;) {
    auto row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return values;
    values.emplace(rows->column_text(0).substr(prefix.size()), rows->column_blob(1));
  }
}

}  // namespace iris::spool
