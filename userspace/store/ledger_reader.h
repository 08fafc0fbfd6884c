// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/statements.h"
#include "store/store.h"

namespace iris::store {

class LedgerReader {
 public:
  base::Result<void> prepare(sql::Connection& connection);
  base::Result<LedgerAccount> account(std::int64_t gateway_id, const TimeRange& range);

  static constexpr std::size_t kMaxGaps = 10'000;  // the oldest ones of the range

 private:
  base::Result<void> add_ledgers(std::int64_t gateway_id, const TimeRange& range, LedgerAccount& account);
  base::Result<void> add_gaps(std::int64_t gateway_id, const TimeRange& range, LedgerAccount& account);

  std::optional<sql::Statement> find_ledgers_;
  std::optional<sql::Statement> find_gaps_;
};

}  // namespace iris::store
