// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "sql/sql.h"

/// Little helpers for prepared statements.
namespace iris::store {

struct Blob {
  std::string_view bytes;
};

inline sql::Result<void> bind_one(sql::Statement& to, int at, std::int64_t value) { return to.bind(at, value); }
inline sql::Result<void> bind_one(sql::Statement& to, int at, std::uint64_t value) { return to.bind(at, value); }
inline sql::Result<void> bind_one(sql::Statement& to, int at, std::string_view text) { return to.bind_text(at, text); }
inline sql::Result<void> bind_one(sql::Statement& to, int at, Blob blob) { return to.bind_blob(at, blob.bytes); }
template <typename T>
sql::Result<void> bind_one(sql::Statement& to, int at, const std::optional<T>& value) {
  return value ? bind_one(to, at, *value) : to.bind_null(at);
}

/// Binds from the first parameter on.
template <typename... Values>
sql::Result<void> bind_all(sql::Statement& to, const Values&... values) {
  sql::Result<void> result;
  int at = 0;
  static_cast<void>(((result = bind_one(to, ++at, values)) && ...));
  return result;
}

template <typename... Values>
base::Result<void> run(sql::Statement& statement, const Values&... values) {
  if (auto bound = bind_all(statement, values...); !bound) return tl::unexpected(bound.error());
  if (auto done = statement.run(); !done) return tl::unexpected(done.error());
  return {};
}

/// Resets at the end of a scope, so that no read lock stays behind.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(sql::Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  sql::Statement& statement_;
};

/// Gives each row to `take`, which reads its columns.
template <typename Take>
base::Result<void> each_row(sql::Statement& rows, Take take) {
  for (;;) {
    auto row = rows.step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
    take();
  }
}

/// Prepares each text into its place.
inline base::Result<void> prepare_all(
    sql::Connection& connection,
    std::initializer_list<std::pair<std::optional<sql::Statement>*, std::string>> wanted) {
  for (const auto& [place, text] : wanted) {
    auto prepared = connection.prepare(text);
    if (!prepared) return tl::unexpected(prepared.error());
    place->emplace(std::move(*prepared));
  }
  return {};
}

}  // namespace iris::store
