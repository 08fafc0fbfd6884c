// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>
#include <unordered_map>

#include "store/statements.h"
#include "store/store.h"
#include "store/values.h"

namespace iris::store {

/// Answers questions about flows and owners. One query at a time.
class FlowReader {
 public:
  base::Result<void> prepare(sql::Connection& connection);
  base::Result<void> flows(const FlowQuery& query, const std::vector<std::int64_t>& gateway_ids,
                           const std::function<void(const StoredFlow&)>& take);
  base::Result<std::vector<flow::OwnerPtr>> owners(std::optional<std::int64_t> gateway_id);

  /// More rows than this are not looked at for one query.
  static constexpr std::size_t kMaxScannedRows = 4'000'000;
  static constexpr std::size_t kMaxOwners = 100'000;

 private:
  struct Key {
    flow::FlowRecord flow;  // all but values and times
    bool wanted = false;
  };
  struct Row {
    std::uint64_t window_start_ns = 0;
    std::int64_t gateway_id = 0;
    std::int64_t key_id = 0;
    std::string value;
    auto order() const { return std::tie(window_start_ns, gateway_id, key_id); }
    bool operator<(const Row& other) const { return order() < other.order(); }
  };
  base::Result<void> collect(const FlowQuery& query, std::int64_t gateway_id, std::size_t wanted,
                             std::vector<Row>& heap);
  base::Result<const Key*> key(std::int64_t id, const FlowQuery& query);
  base::Result<flow::OwnerPtr> owner(std::int64_t id);

  static constexpr std::size_t kMaxCached = 100'000;
  std::optional<sql::Statement> find_flows_;
  std::optional<sql::Statement> find_key_;
  std::optional<sql::Statement> find_owner_;
  std::optional<sql::Statement> list_owners_;
  std::unordered_map<std::int64_t, Key> keys_;             // of one query
  std::unordered_map<std::int64_t, flow::OwnerPtr> owners_;  // of one query
  std::size_t scanned_ = 0;
};

}  // namespace iris::store
