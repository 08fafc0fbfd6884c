// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// The part of IoT Hub's query language that a client of twins needs. Everything else
/// is an error, never a guess. From the published grammar; what a comparison of unlike
/// things gives ("undefined") is that of the language it derives from, Cosmos DB's SQL.
namespace iris::iot_hub_emulator {

/// Longest query, as documented.
constexpr std::size_t kMaxQueryCharacters = 8'192;

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

enum class Operator {
  path, constant, array,                                     // values
  logical_and, logical_or, logical_not,                      // of truths
  equal, unequal, less, greater, not_greater, not_less, in,  // of two values
  is_defined, is_null, array_contains, starts_with, ends_with,
};

struct Expression {
  Operator op = Operator::constant;
  std::vector<std::string> path;
  nlohmann::json constant;
  std::vector<ExpressionPtr> operands;
};

struct Query {
  enum class Collection { devices, modules };
  struct Projection {
    std::string name;
    std::vector<std::string> path;  // empty: count()
  };

  Collection from = Collection::devices;
  std::vector<Projection> projections;  // empty: *
  std::optional<std::size_t> top;
  ExpressionPtr where;                  // may be null
  bool names_module_id = false;         // in its condition

  bool whole_twins() const { return projections.empty(); }
  bool counts() const { return !projections.empty() && projections.front().path.empty(); }
};

/// Takes text from anyone: bounded in length and depth.
base::Result<Query> parse_query(std::string_view text);

/// Whether the twin meets the condition; "undefined" is no.
bool matches(const Query& query, const nlohmann::json& twin);
/// The row that the twin gives; for a query that does not count.
nlohmann::json row_of(const Query& query, const nlohmann::json& twin);

}  // namespace iris::iot_hub_emulator
