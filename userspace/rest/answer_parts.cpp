// SPDX-License-Identifier: Apache-2.0
#include "rest/answer_parts.h"

#include "base/rfc3339.h"

namespace iris::rest {

using nlohmann::json;

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json time_or_null(std::uint64_t wall_ns) { return wall_ns == 0 ? json() : json(base::format_rfc3339(wall_ns)); }
json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

Answer ok(const json& body) { return {.body = text_of(body) + "\n"}; }
Answer store_failed(const base::Error& error) { return error_answer(500, "the store: " + error.message); }
Answer bad_request(const base::Error& error) { return error_answer(400, error.message); }

Answer refused(const base::Error& error) {
  return error.kind == base::Error::Kind::usage ? bad_request(error) : store_failed(error);
}

std::string envelope(const std::string& name, const std::string& items, const Parameters& parameters, bool more) {
  const json tail{{"limit", parameters.flows.limit}, {"offset", parameters.flows.offset}, {"more", more}};
  return "{\"" + name + "\":[" + items + "]," + text_of(tail).substr(1) + "\n";
}

base::Result<std::optional<std::int64_t>> gateway_id(const Sources& sources, const std::string& name) {
  if (name.empty()) return std::nullopt;
  auto gateway = sources.store->gateway_by_name(name);
  if (!gateway) return tl::unexpected(std::move(gateway.error()));
  if (!*gateway) return base::fail("'gateway': there is none of this name", base::Error::Kind::usage);
  return (*gateway)->id;
}

base::Result<GatewayNames> gateway_names(const Sources& sources) {
  const auto gateways = sources.store->gateways();
  if (!gateways) return tl::unexpected(gateways.error());
  GatewayNames names;
  for (const auto& gateway : *gateways) names[gateway.id] = gateway.name;
  return names;
}

json name_in(const GatewayNames& names, std::int64_t gateway_id) {
  const auto found = names.find(gateway_id);
  return found == names.end() ? json() : json(found->second);
}

}  // namespace iris::rest
