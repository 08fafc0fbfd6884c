// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "rest/api.h"
#include "rest/parameters.h"

/// What answers are put together from.
namespace iris::rest {

std::string text_of(const nlohmann::json& value);
nlohmann::json time_or_null(std::uint64_t wall_ns);
nlohmann::json text_or_null(const std::string& text);

Answer ok(const nlohmann::json& body);
Answer store_failed(const base::Error& error);
Answer bad_request(const base::Error& error);
/// One or the other, by the kind of the error.
Answer refused(const base::Error& error);

/// A list in an envelope that tells whether there is more behind it. `items`: JSON
/// values with commas between them.
std::string envelope(const std::string& name, const std::string& items, const Parameters& parameters, bool more);

/// None when none is named; an error of kind usage when the named one is not there.
base::Result<std::optional<std::int64_t>> gateway_id(const Sources& sources, const std::string& name);

using GatewayNames = std::unordered_map<std::int64_t, std::string>;
base::Result<GatewayNames> gateway_names(const Sources& sources);
nlohmann::json name_in(const GatewayNames& names, std::int64_t gateway_id);

}  // namespace iris::rest
