// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "store/statements.h"
#include "store/store.h"
#include "store/tier.h"

namespace iris::store {

/// Moves values from raw to hourly to daily rows and deletes what is too old, a
/// slice at a time, within a transaction of the caller.
class RetentionWorker {
 public:
  base::Result<void> prepare(sql::Connection& connection);

  struct Done {
    bool more = false;
    bool forgot_keys = false;  // ids of flow keys or owners were deleted: caches are void
  };
  base::Result<Done> slice(const Retention& retention, std::uint64_t now_wall_ns,
                           const std::vector<std::int64_t>& gateway_ids);

  static constexpr std::int64_t kSliceRows = 5000;

 private:
  struct Source {
    std::optional<sql::Statement> read;
    std::optional<sql::Statement> remove;
  };
  base::Result<void> prepare_source(sql::Connection& connection, Source& source, const std::string& table);
  /// `into` null: they are only deleted. Gives the number of rows taken.
  template <typename Values>
  base::Result<std::int64_t> move(Source& from, TierWriter<Values>* into, std::int64_t gateway_id,
                                  std::uint64_t bucket_ns, std::uint64_t before_ns, std::int64_t limit);
  base::Result<std::int64_t> move_gateway(const Retention& retention, std::uint64_t now_ns, std::int64_t gateway_id,
                                          std::int64_t limit);
  base::Result<bool> forget_unused(std::uint64_t before_ns);

  sql::Connection* connection_ = nullptr;
  Source flow_raw_, flow_hourly_, flow_daily_;
  Source ledger_raw_, ledger_hourly_, ledger_daily_;
  TierWriter<FlowValues> to_flow_hourly_, to_flow_daily_;
  TierWriter<LedgerValues> to_ledger_hourly_, to_ledger_daily_;
  std::optional<sql::Statement> remove_events_, remove_gaps_, remove_states_, remove_addresses_, remove_security_;
  std::optional<sql::Statement> remove_alerts_, remove_incident_states_, remove_incident_inputs_;
  std::optional<sql::Statement> remove_keys_, remove_owners_, last_id_;
  std::int64_t looked_at_ = 0;  // ids of the dictionaries up to this one
};

}  // namespace iris::store
