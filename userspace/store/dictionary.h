// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "flow/records.h"
#include "store/digest.h"
#include "store/statements.h"

namespace iris::store {

/// The writing end of owners and flow keys: each is a row once a gateway, and a
/// number from then on. Within a transaction of the caller; after a rollback
/// forget() must be called.
class Dictionary {
 public:
  base::Result<void> prepare(sql::Connection& connection);

  /// None for no owner.
  base::Result<std::optional<std::int64_t>> owner(std::int64_t gateway_id, const flow::OwnerPtr& owner,
                                                  std::uint64_t wall_ns);
  /// Of all of the flow that is not counted.
  base::Result<std::int64_t> flow_key(std::int64_t gateway_id, const flow::FlowRecord& flow);

  /// Owners are known by their address within a batch only.
  void end_batch() { by_pointer_.clear(); }
  void forget();

 private:
  struct Table {
    DigestCache cache;
    std::optional<sql::Statement> find;
    std::optional<sql::Statement> touch;
    std::optional<sql::Statement> insert;
  };
  using Insert = std::function<base::Result<void>(const Digest&)>;
  base::Result<std::int64_t> resolve(Table& table, std::int64_t gateway_id, const Digest& digest,
                                     std::uint64_t wall_ns, const Insert& insert);
  base::Result<void> insert_owner(std::int64_t gateway_id, const Digest& digest, std::uint64_t wall_ns,
                                  const flow::Owner& owner);

  // About 100 bytes an entry: 2,000 gateways of 200 flow keys each fit.
  static constexpr std::size_t kMaxOwners = 1U << 16;
  static constexpr std::size_t kMaxFlowKeys = 1U << 19;
  sql::Connection* connection_ = nullptr;
  Digester digester_;
  Table owners_{DigestCache(kMaxOwners), {}, {}, {}};
  Table flow_keys_{DigestCache(kMaxFlowKeys), {}, {}, {}};
  std::unordered_map<const flow::Owner*, std::int64_t> by_pointer_;
  std::string scratch_;
};

}  // namespace iris::store
