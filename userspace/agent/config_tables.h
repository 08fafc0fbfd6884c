// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <toml++/toml.h>

#include <functional>
#include <string>

#include "agent/config.h"

/// The parts of the file that are no single values: they have no variables.
namespace iris::agent {

/// Is it [identity.mapping] or [[translation]]?
bool is_table_key(const std::string& key);

/// Reads it; `fault` is told the line and what is wrong there.
void take_table(const std::string& key, const toml::node& node, std::uint32_t line, Config& config,
                const std::function<void(std::uint32_t, std::string)>& fault);

}  // namespace iris::agent
