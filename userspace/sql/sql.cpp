// SPDX-License-Identifier: Apache-2.0
#include "sql/sql.h"

#include <sqlite3.h>

#include <utility>

namespace iris::sql {
namespace {

/// Copies the message now: the next call on the connection overwrites it.
tl::unexpected<Error> failure(sqlite3* connection, int code) {
  Error error;
  error.code = code;
  error.message = sqlite3_errstr(code);
  // The connection's text says more, when it is about this code.
  if (connection != nullptr && (sqlite3_errcode(connection) & 0xff) == (code & 0xff)) {
    error.code = sqlite3_extended_errcode(connection);
    error.message = sqlite3_errmsg(connection);
  }
  if ((code & 0xff) == SQLITE_PERM || (code & 0xff) == SQLITE_AUTH) error.kind = base::Error::Kind::permission;
  return tl::unexpected<Error>(std::move(error));
}

Result<void> result_of(sqlite3_stmt* statement, int code) {
  if (code == SQLITE_OK) return {};
  return failure(sqlite3_db_handle(statement), code);
}

std::string_view view(const void* bytes, int size) {
  return bytes == nullptr ? std::string_view{}
                          : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<void> Statement::bind(int index, std::int64_t value) {
  return result_of(statement_.get(), sqlite3_bind_int64(statement_.get(), index, value));
}

Result<void> Statement::bind(int index, double value) {
  return result_of(statement_.get(), sqlite3_bind_double(statement_.get(), index, value));
}

// An empty view may have no data pointer, which SQLite would take for NULL.
Result<void> Statement::bind_text(int index, std::string_view value) {
  return result_of(statement_.get(), sqlite3_bind_text64(statement_.get(), index, value.empty() ? "" : value.data(),
                                                         value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Result<void> Statement::bind_blob(int index, std::string_view value) {
  return result_of(statement_.get(), sqlite3_bind_blob64(statement_.get(), index, value.empty() ? "" : value.data(),
                                                         value.size(), SQLITE_TRANSIENT));
}

Result<void> Statement::bind_null(int index) {
  return result_of(statement_.get(), sqlite3_bind_null(statement_.get(), index));
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_.get()), code);
}

Result<void> Statement::run() {
  for (;;) {
    auto row = step();
    if (row && *row) continue;
    reset();
    if (!row) return tl::unexpected(std::move(row.error()));
    return {};
  }
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::int64_t Statement::column_int64(int index) const { return sqlite3_column_int64(statement_.get(), index); }
double Statement::column_double(int index) const { return sqlite3_column_double(statement_.get(), index); }
std::string_view Statement::column_text(int index) const {
  const auto* text = sqlite3_column_text(statement_.get(), index);
  return view(text, sqlite3_column_bytes(statement_.get(), index));
}
std::string_view Statement::column_blob(int index) const {
  const void* blob = sqlite3_column_blob(statement_.get(), index);
  return view(blob, sqlite3_column_bytes(statement_.get(), index));
}
bool Statement::column_is_null(int index) const {
  return sqlite3_column_type(statement_.get(), index) == SQLITE_NULL;
}

// Tolerates statements that are still alive, as sqlite3_close() would not.
void Connection::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Result<Connection> Connection::open(const std::filesystem::path& file, const OpenOptions& options) {
  int flags = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.create && !options.read_only) flags |= SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  Connection connection(raw);
  if (code != SQLITE_OK) return failure(raw, code);
  sqlite3_busy_timeout(raw, options.busy_timeout_ms);
  return connection;
}

Result<void> Connection::exec(const std::string& script) {
  const int code = sqlite3_exec(handle(), script.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return failure(handle(), code);
}

Result<Statement> Connection::prepare(std::string_view statement) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(handle(), statement.data(), static_cast<int>(statement.size()), 0, &raw, nullptr);
  if (code != SQLITE_OK) return failure(handle(), code);
  return Statement(raw);
}

Result<std::int64_t> Connection::query_int64(std::string_view statement) {
  auto prepared = prepare(statement);
  if (!prepared) return tl::unexpected(std::move(prepared.error()));
  auto row = prepared->step();
  if (!row) return tl::unexpected(std::move(row.error()));
  if (!*row) return failure(nullptr, SQLITE_NOTFOUND);
  return prepared->column_int64(0);
}

Result<std::string> Connection::query_text(std::string_view statement) {
  auto prepared = prepare(statement);
  if (!prepared) return tl::unexpected(std::move(prepared.error()));
  auto row = prepared->step();
  if (!row) return tl::unexpected(std::move(row.error()));
  if (!*row) return failure(nullptr, SQLITE_NOTFOUND);
  return std::string(prepared->column_text(0));
}

std::int64_t Connection::last_insert_rowid() const { return sqlite3_last_insert_rowid(handle()); }
std::int64_t Connection::changes() const { return sqlite3_changes64(handle()); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle()) == 0; }

Result<Transaction> Transaction::begin(Connection& connection) {
  if (auto begun = connection.exec("BEGIN IMMEDIATE"); !begun) return tl::unexpected(std::move(begun.error()));
  return Transaction(connection);
}

Transaction::Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

Transaction::~Transaction() {
  // Some errors (disk full, I/O) have rolled back already.
  if (connection_ != nullptr && connection_->in_transaction()) {
    static_cast<void>(connection_->exec("ROLLBACK"));
  }
}

Result<void> Transaction::commit() {
  auto committed = connection_->exec("COMMIT");
  if (committed) connection_ = nullptr;
  return committed;
}

}  // namespace iris::sql
