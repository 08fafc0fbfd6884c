// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "store/dictionary.h"
#include "store/identity_writer.h"
#include "store/store.h"
#include "store/tier.h"
#include "wire/json_writer.h"

namespace iris::store {

/// One batch after the other into the tables, within a transaction of the caller.
class IngestWriter {
 public:
  base::Result<void> prepare(sql::Connection& connection);
  base::Result<CommitResult> write(const IngestBatch& batch, std::uint64_t now_wall_ns);
  base::Result<std::uint64_t> position(std::int64_t gateway_id, std::uint64_t epoch);
  /// After a rollback, and after rows of the dictionaries were deleted.
  void forget() { dictionary_.forget(); }

 private:
  struct Position {
    std::uint64_t sequence = 0;
    std::uint64_t end_ns = 0;
  };
  base::Result<Position> read_position(std::int64_t gateway_id, std::uint64_t epoch);
  base::Result<void> write_gaps(const IngestBatch& batch, const Position& before);
  base::Result<void> write_gap(std::int64_t gateway_id, const flow::Gap& gap);
  base::Result<void> write_record(std::int64_t gateway_id, const flow::Record& record);
  template <typename Event>
  base::Result<void> write_event(std::int64_t gateway_id, std::string_view kind, const Event& event);

  Dictionary dictionary_;
  IdentityWriter identities_;
  TierWriter<FlowValues> flows_;
  TierWriter<LedgerValues> ledgers_;
  std::optional<sql::Statement> find_position_;
  std::optional<sql::Statement> set_position_;
  std::optional<sql::Statement> insert_gap_;
  std::optional<sql::Statement> insert_event_;
  wire::JsonWriter json_;
  std::string body_;
};

}  // namespace iris::store
