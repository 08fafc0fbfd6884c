// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "store/statements.h"
#include "store/store.h"

namespace iris::store {

/// Answers questions about devices and security records. One query at a time.
class IdentityReader {
 public:
  base::Result<void> prepare(sql::Connection& connection);
  base::Result<void> devices(const DeviceQuery& query, const std::function<void(const StoredDevice&)>& take);
  base::Result<void> security_events(const SecurityQuery& query,
                                     const std::function<void(const StoredSecurityEvent&)>& take);

 private:
  base::Result<std::string> device_at(std::int64_t gateway_id, std::string_view device_id, std::uint64_t wall_ns);

  std::optional<sql::Statement> find_devices_;
  std::optional<sql::Statement> find_events_;
  std::optional<sql::Statement> find_device_;
};

}  // namespace iris::store
