// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/config.h"

/// The table of keys, for the file and the environment alike.
namespace iris::agent {

/// As the file has it; from the environment it is always text.
using Value = std::variant<bool, std::int64_t, double, std::string>;

struct Key {
  std::string name;  // "spool.max_bytes"; in the environment IRIS_SPOOL_MAX_BYTES
  /// Puts the value into the configuration; what is wrong with it, or nothing.
  std::function<std::string(Config&, const Value&)> set;
};

const std::vector<Key>& config_keys();
std::string variable_name(const std::string& key);

/// The candidate that differs least from `word`, if that is little enough to be a
/// slip of the hand; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace iris::agent
