// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

/// SQLite with owners for its handles and results for its codes. Nothing more:
/// who uses it writes SQL. One connection belongs to one thread at a time.
namespace iris::sql {

/// What SQLite said. `return tl::unexpected(result.error())` passes it on from a
/// function that gives a base::Result, too.
struct Error : base::Error {
  int code = 0;  // extended result code, as in sqlite3.h
  int primary() const { return code & 0xff; }
};

template <typename T>
using Result = tl::expected<T, Error>;

struct OpenOptions {
  bool create = true;        // else a file that is not there is an error
  bool read_only = false;
  int busy_timeout_ms = 0;   // how long to wait for the lock of another connection
  std::string vfs{};         // name of a registered one; empty: the default
};

/// Marks a parameter of query() and run() as a blob, where text is the default.
struct Blob {
  std::string_view bytes;
};

/// A prepared statement. Must go before its connection. After an error or the
/// last row it can be run again once reset.
class Statement {
 public:
  // Parameters count from 1, and keep their values over a reset. Text and blobs
  // are copied. SQLite integers are signed: a std::uint64_t keeps its bits.
  Result<void> bind(int index, std::int64_t value);
  Result<void> bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Result<void> bind(int index, double value);
  Result<void> bind_text(int index, std::string_view value);
  Result<void> bind_blob(int index, std::string_view value);
  Result<void> bind_null(int index);
  /// From parameter 1 on: integers, std::string_view for text, Blob.
  template <typename... Values>
  Result<void> bind_all(const Values&... values) {
    Result<void> state;
    int index = 0;
    static_cast<void>(((state = bind_value(++index, values)).has_value() && ...));
    return state;
  }

  /// True: a row can be read. False: there are no more.
  Result<bool> step();
  /// To the end, whatever rows come; then reset.
  Result<void> run();
  void reset();

  // Columns count from 0. Views last until the next step or reset.
  std::int64_t column_int64(int index) const;
  std::uint64_t column_uint64(int index) const { return static_cast<std::uint64_t>(column_int64(index)); }
  double column_double(int index) const;
  std::string_view column_text(int index) const;
  std::string_view column_blob(int index) const;
  bool column_is_null(int index) const;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  template <typename Integer>
    requires std::is_integral_v<Integer>
  Result<void> bind_value(int index, Integer value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  Result<void> bind_value(int index, std::string_view value) { return bind_text(index, value); }
  Result<void> bind_value(int index, Blob value) { return bind_blob(index, value.bytes); }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Connection {
 public:
  static Result<Connection> open(const std::filesystem::path& file, const OpenOptions& options = {});

  /// One or more statements; rows are thrown away.
  Result<void> exec(const std::string& script);
  Result<Statement> prepare(std::string_view statement);
  /// Prepared, with its parameters bound as by bind_all(): ready for step().
  template <typename... Values>
  Result<Statement> query(std::string_view statement, const Values&... values) {
    auto prepared = prepare(statement);
    if (!prepared) return prepared;
    if (auto bound = prepared->bind_all(values...); !bound) return tl::unexpected(std::move(bound.error()));
    return prepared;
  }
  /// As query(), and to its end.
  template <typename... Values>
  Result<void> run(std::string_view statement, const Values&... values) {
    auto prepared = query(statement, values...);
    if (!prepared) return tl::unexpected(std::move(prepared.error()));
    return prepared->run();
  }
  /// First column of the first row, which must be there.
  Result<std::int64_t> query_int64(std::string_view statement);
  Result<std::string> query_text(std::string_view statement);

  std::int64_t last_insert_rowid() const;
  std::int64_t changes() const;   // rows that the last INSERT, UPDATE or DELETE touched
  bool in_transaction() const;
  sqlite3* handle() const { return connection_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  explicit Connection(sqlite3* connection) : connection_(connection) {}
  std::unique_ptr<sqlite3, Close> connection_;
};

/// Rolls back when it goes out of scope without a commit() that succeeded.
class Transaction {
 public:
  /// Takes the write lock at once, so that no later statement finds it taken.
  static Result<Transaction> begin(Connection& connection);
  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  Result<void> commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace iris::sql
