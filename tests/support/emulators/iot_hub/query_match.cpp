// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "emulators/iot_hub/query.h"

namespace iris::iot_hub_emulator {
namespace {

using nlohmann::json;

enum class Truth { no, yes, undefined };

Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }

const json* at_path(const json& twin, const std::vector<std::string>& path) {
  const json* at = &twin;
  for (const auto& name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

/// Null: undefined.
const json* value_of(const Expression& expression, const json& twin);
Truth truth_of(const Expression& expression, const json& twin);

/// Values of unlike types, objects and arrays do not compare.
bool comparable(const json& a, const json& b) {
  return (a.is_number() && b.is_number()) || (a.is_string() && b.is_string()) || (a.is_boolean() && b.is_boolean()) ||
         (a.is_null() && b.is_null());
}

Truth compare(Operator op, const json* a, const json* b) {
  if (a == nullptr || b == nullptr || !comparable(*a, *b)) return Truth::undefined;
  switch (op) {
    case Operator::equal: return truth_of(*a == *b);
    case Operator::unequal: return truth_of(*a != *b);
    case Operator::less: return truth_of(*a < *b);
    case Operator::greater: return truth_of(*a > *b);
    case Operator::not_greater: return truth_of(*a <= *b);
    default: return truth_of(*a >= *b);
  }
}

Truth in(const json* value, const json& list) {
  if (value == nullptr) return Truth::undefined;
  return truth_of(std::any_of(list.begin(), list.end(), [value](const json& one) {
    return compare(Operator::equal, value, &one) == Truth::yes;
  }));
}

Truth logical_and(const Expression& both, const json& twin) {
  const auto left = truth_of(*both.operands[0], twin);
  if (left == Truth::no) return Truth::no;
  const auto right = truth_of(*both.operands[1], twin);
  return right == Truth::no ? Truth::no : (left == Truth::undefined ? left : right);
}

Truth logical_or(const Expression& either, const json& twin) {
  const auto left = truth_of(*either.operands[0], twin);
  if (left == Truth::yes) return Truth::yes;
  const auto right = truth_of(*either.operands[1], twin);
  return right == Truth::yes ? Truth::yes : (left == Truth::undefined ? left : right);
}

Truth text_function(Operator op, const json* text, const json* part) {
  if (text == nullptr || part == nullptr || !text->is_string() || !part->is_string()) return Truth::undefined;
  const auto& whole = text->get_ref<const std::string&>();
  const auto& piece = part->get_ref<const std::string&>();
  return truth_of(op == Operator::starts_with ? whole.starts_with(piece) : whole.ends_with(piece));
}

Truth truth_of(const Expression& expression, const json& twin) {
  const auto operand = [&](std::size_t i) { return value_of(*expression.operands[i], twin); };
  switch (expression.op) {
    case Operator::logical_and: return logical_and(expression, twin);
    case Operator::logical_or: return logical_or(expression, twin);
    case Operator::logical_not: {
      const auto inner = truth_of(*expression.operands[0], twin);
      return inner == Truth::undefined ? inner : truth_of(inner == Truth::no);
    }
    case Operator::is_defined: return truth_of(operand(0) != nullptr);
    case Operator::is_null: return operand(0) == nullptr ? Truth::no : truth_of(operand(0)->is_null());
    case Operator::in: return in(operand(0), *operand(1));
    case Operator::array_contains: {
      const json* const array = operand(0);
      return array == nullptr || !array->is_array() ? Truth::undefined : in(operand(1), *array);
    }
    case Operator::starts_with:
    case Operator::ends_with: return text_function(expression.op, operand(0), operand(1));
    case Operator::path:
    case Operator::constant:
    case Operator::array: {
      const json* const value = value_of(expression, twin);
      return value == nullptr || !value->is_boolean() ? Truth::undefined : truth_of(value->get<bool>());
    }
    default: return compare(expression.op, operand(0), operand(1));
  }
}

const json* value_of(const Expression& expression, const json& twin) {
  static const json kYes = true;
  static const json kNo = false;
  switch (expression.op) {
    case Operator::path: return at_path(twin, expression.path);
    case Operator::constant:
    case Operator::array: return &expression.constant;
    default: break;
  }
  const auto truth = truth_of(expression, twin);
  return truth == Truth::undefined ? nullptr : (truth == Truth::yes ? &kYes : &kNo);
}

}  // namespace

bool matches(const Query& query, const json& twin) {
  return !query.where || truth_of(*query.where, twin) == Truth::yes;
}

json row_of(const Query& query, const json& twin) {
  if (query.whole_twins()) return twin;
  json row = json::object();
  for (const auto& projection : query.projections) {
    if (const json* value = at_path(twin, projection.path)) row[projection.name] = *value;
  }
  return row;
}

}  // namespace iris::iot_hub_emulator
