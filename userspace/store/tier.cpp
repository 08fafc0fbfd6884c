// SPDX-License-Identifier: Apache-2.0
#include "store/tier.h"

namespace iris::store {

template <typename Values>
base::Result<void> TierWriter<Values>::prepare(sql::Connection& connection, const std::string& table) {
  connection_ = &connection;
  const std::string where = " WHERE gateway_id = ? AND window_start = ? AND key_id = ?";
  return prepare_all(connection, {{&insert_, "INSERT OR IGNORE INTO " + table + " VALUES(?,?,?,?)"},
                                  {&find_, "SELECT value FROM " + table + where},
                                  {&update_, "UPDATE " + table + " SET value = ?4 WHERE gateway_id = ?1 AND "
                                             "window_start = ?2 AND key_id = ?3"}});
}

template <typename Values>
base::Result<void> TierWriter<Values>::add(std::int64_t gateway_id, std::uint64_t window_start_ns,
                                           std::int64_t key_id, Values values) {
  packed_.clear();
  values.pack(packed_, window_start_ns);
  if (auto done = run(*insert_, gateway_id, window_start_ns, key_id, Blob{packed_}); !done) return done;
  if (connection_->changes() != 0) return {};

  {
    const ResetAtEnd reset(*find_);
    if (auto bound = bind_all(*find_, gateway_id, window_start_ns, key_id); !bound) {
      return tl::unexpected(bound.error());
    }
    auto row = find_->step();
    if (!row) return tl::unexpected(row.error());
    Values present;
    if (!*row || !present.unpack(find_->column_blob(0), window_start_ns)) {
      return base::fail("the store is damaged: the values of a window cannot be read");
    }
    present.add(values);
    values = std::move(present);
  }
  packed_.clear();
  values.pack(packed_, window_start_ns);
  return run(*update_, gateway_id, window_start_ns, key_id, Blob{packed_});
}

template class TierWriter<FlowValues>;
template class TierWriter<LedgerValues>;

}  // namespace iris::store
