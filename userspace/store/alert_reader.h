// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "store/judgement.h"
#include "store/statements.h"

namespace iris::store {

/// Answers questions about alerts and profiles. One query at a time.
class AlertReader {
 public:
  base::Result<void> prepare(sql::Connection& connection);
  base::Result<void> alerts(const AlertQuery& query, const std::function<void(const StoredAlert&)>& take);
  base::Result<std::vector<StoredAlert>> changes(std::uint64_t change, std::size_t limit);
  base::Result<void> profiles(const ProfileQuery& query, const std::function<void(const StoredProfile&)>& take);
  base::Result<std::optional<StoredIncident>> incident(const std::string& alert_id);
  base::Result<std::uint64_t> sink_position(const std::string& sink);

 private:
  sql::Connection* connection_ = nullptr;
  std::optional<sql::Statement> find_alerts_;
  std::optional<sql::Statement> find_first_alerts_;
  std::optional<sql::Statement> find_changes_;
  std::optional<sql::Statement> find_profiles_;
};

}  // namespace iris::store
