// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "cli/options.h"

namespace iris::cli {

/// Which filters make sense for the records of a command; one that can never
/// match is a usage error and not an empty output.
enum class FilterSet { flows, events, exits, devices, all };

void add_filters(CLI::App& app, flow::Filter& filter, FilterSet set);

/// --types of `events` and --only of `replay`; throws CLI::ValidationError.
void select_types(Selection& selection, const std::string& list);
void select_kinds(Selection& selection, const std::string& list);
Selection all_records();

}  // namespace iris::cli
