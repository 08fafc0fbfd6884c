// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "sql/sql.h"

namespace iris::store {

/// Version that this program writes; kept in the file as `user_version`.
inline constexpr std::int64_t kSchemaVersion = 4;

/// Brings the file to `version`, one transaction a step. A file of a newer
/// version is an error that says so, and is left as it is.
base::Result<void> migrate(sql::Connection& connection, std::int64_t version = kSchemaVersion);

}  // namespace iris::store
