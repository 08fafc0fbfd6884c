// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "store/judgement.h"
#include "store/statements.h"

namespace iris::store {

/// The judge's side of the store: its inputs, its state, its alerts. On the writing
/// connection; the caller makes the transactions.
class JudgeTables {
 public:
  base::Result<void> prepare(sql::Connection& connection);

  base::Result<void> add_input(JudgeInput::Kind kind, std::int64_t gateway_id, std::string_view body);
  base::Result<std::vector<JudgeInput>> inputs(std::uint64_t after, std::size_t max_bytes);
  base::Result<std::uint64_t> states(const std::function<void(JudgeState&&)>& take);
  base::Result<void> checkpoint(std::span<const JudgeState> changed, std::uint64_t number, std::uint64_t now_wall_ns);

  base::Result<void> put(const AlertEntry& alert, std::uint64_t number);
  base::Result<bool> set_state(const std::string& id, AlertState state);
  base::Result<void> set_sink_position(const std::string& sink, std::uint64_t change);

 private:
  struct Known {
    std::uint64_t count = 0;
    std::uint64_t told_count = 0;
    int severity = 0;
  };
  base::Result<std::optional<Known>> find(const std::string& id);
  base::Result<std::uint64_t> next_change();
  base::Result<void> insert(const AlertEntry& alert, std::uint64_t number);
  base::Result<void> update(const AlertEntry& alert, const Known& known, std::uint64_t number);
  base::Result<void> set_aside(const AlertEntry& alert, std::uint64_t from, std::uint64_t to);

  sql::Connection* connection_ = nullptr;
  std::optional<sql::Statement> add_input_;
  std::optional<sql::Statement> find_inputs_;
  std::optional<sql::Statement> put_state_;
  std::optional<sql::Statement> find_alert_;
  std::optional<sql::Statement> update_alert_;
};

}  // namespace iris::store
