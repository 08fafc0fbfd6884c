// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "store/statements.h"
#include "store/values.h"

namespace iris::store {

/// Writes values to one of the tables flow_* or ledger_*: what comes for a window
/// and key that has some already is added to it.
template <typename Values>
class TierWriter {
 public:
  base::Result<void> prepare(sql::Connection& connection, const std::string& table);
  base::Result<void> add(std::int64_t gateway_id, std::uint64_t window_start_ns, std::int64_t key_id, Values values);

 private:
  sql::Connection* connection_ = nullptr;
  std::optional<sql::Statement> insert_;
  std::optional<sql::Statement> find_;
  std::optional<sql::Statement> update_;
  std::string packed_;
};

extern template class TierWriter<FlowValues>;
extern template class TierWriter<LedgerValues>;

}  // namespace iris::store
