// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "store/digest.h"
#include "store/statements.h"
#include "store/store.h"
#include "wire/json_writer.h"

namespace iris::store {

/// States of devices and security records into their tables; part of IngestWriter.
/// What is told again unchanged leaves no second row.
class IdentityWriter {
 public:
  base::Result<void> prepare(sql::Connection& connection);
  base::Result<void> write(std::int64_t gateway_id, const flow::DeviceRecord& change);
  base::Result<void> write(std::int64_t gateway_id, const flow::SecurityRecord& event);

 private:
  base::Result<bool> stands_already(std::int64_t gateway_id, const std::string& device_id, std::uint64_t wall_ns,
                                    bool gone);

  std::optional<sql::Statement> find_state_;
  std::optional<sql::Statement> insert_state_;
  std::optional<sql::Statement> remove_addresses_;
  std::optional<sql::Statement> insert_address_;
  std::optional<sql::Statement> insert_event_;
  Digester digester_;
  wire::JsonWriter json_;
  std::string body_;
};

}  // namespace iris::store
