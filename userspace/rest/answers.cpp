// SPDX-License-Identifier: Apache-2.0
#include "rest/answers.h"

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "rest/parameters.h"
#include "base/rfc3339.h"
#include "wire/json_writer.h"

namespace iris::rest {
namespace {

using nlohmann::json;
using Names = std::unordered_map<std::int64_t, std::string>;

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json time_or_null(std::uint64_t wall_ns) { return wall_ns == 0 ? json() : json(base::format_rfc3339(wall_ns)); }
json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

Answer store_failed(const base::Error& error) { return error_answer(500, "the store: " + error.message); }
Answer bad_request(const base::Error& error) { return error_answer(400, error.message); }
Answer ok(const json& body) { return {.body = text_of(body) + "\n"}; }

json gateway_object(const store::Gateway& gateway) {
  return {{"name", gateway.name},
          {"revoked", gateway.revoked},
          {"created", time_or_null(gateway.created_wall_ns)},
          {"last_seen", time_or_null(gateway.last_seen_wall_ns)},
          {"agent_version", text_or_null(gateway.agent_version)},
          {"host_name", text_or_null(gateway.host_name)},
          {"kernel_release", text_or_null(gateway.kernel_release)}};
}

/// A list in an envelope that tells whether there is more behind it.
std::string envelope(const std::string& name, const std::string& items, const store::FlowQuery& query, bool more) {
  const json tail{{"limit", query.limit}, {"offset", query.offset}, {"more", more}};
  return "{\"" + name + "\":[" + items + "]," + text_of(tail).substr(1) + "\n";
}

/// A 400 when the named gateway is not there; null when none is named.
base::Result<std::optional<std::int64_t>> gateway_id(const Sources& sources, const std::string& name) {
  if (name.empty()) return std::nullopt;
  auto gateway = sources.store->gateway_by_name(name);
  if (!gateway) return tl::unexpected(std::move(gateway.error()));
  if (!*gateway) return base::fail("'gateway': there is none of this name", base::Error::Kind::usage);
  return (*gateway)->id;
}

Answer refused(const base::Error& error) {
  return error.kind == base::Error::Kind::usage ? bad_request(error) : store_failed(error);
}

json gaps_of(const std::vector<flow::Gap>& gaps) {
  json list = json::array();
  for (const auto& gap : gaps) {
    list.push_back({{"start", time_or_null(gap.start_wall_ns)},
                    {"end", time_or_null(gap.end_wall_ns)},
                    {"reason", gap.reason},
                    {"windows", gap.windows == 0 ? json() : json(gap.windows)},
                    {"flows", gap.flows == 0 ? json() : json(gap.flows)}});
  }
  return list;
}

json ledger_object(const std::string& gateway, const store::LedgerAccount& account) {
  return {{"gateway", gateway},
          {"verdict", account.verdict()},
          {"window_start", time_or_null(account.start_wall_ns)},
          {"window_end", time_or_null(account.end_wall_ns)},
          {"produced", account.produced},
          {"delivered", account.delivered},
          {"folded", account.folded},
          {"lost", account.lost()},
          {"dropped", account.dropped},
          {"gaps", gaps_of(account.gaps)}};
}

}  // namespace

std::string gateway_json(const store::Gateway& gateway) { return text_of(gateway_object(gateway)); }

Answer readiness(const Sources& sources, const Request&) {
  // Without a token: whether, not why. The reason is in the log and in /metrics.
  const bool ready = sources.store->gateways().has_value() && sources.ingest().fault.empty();
  if (!ready) return error_answer(503, "the store does not take batches");
  return {.body = "{\"status\":\"ready\"}\n"};
}

Answer list_gateways(const Sources& sources, const Request& request) {
  if (auto parameters = parse_parameters(request.parameters, {}); !parameters) return bad_request(parameters.error());
  const auto gateways = sources.store->gateways();
  if (!gateways) return store_failed(gateways.error());
  json list = json::array();
  for (const auto& gateway : *gateways) list.push_back(gateway_object(gateway));
  return ok({{"gateways", std::move(list)}});
}

Answer list_owners(const Sources& sources, const Request& request) {
  auto parameters = parse_parameters(request.parameters, {"gateway", "limit", "offset"});
  if (!parameters) return bad_request(parameters.error());
  const auto id = gateway_id(sources, parameters->gateway);
  if (!id) return refused(id.error());
  const auto owners = sources.store->owners(*id);
  if (!owners) return store_failed(owners.error());
  const auto& query = parameters->flows;
  const std::size_t begin = std::min(query.offset, owners->size());
  const std::size_t end = begin + std::min(query.limit, owners->size() - begin);
  wire::JsonWriter writer;
  std::string items;
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin) items += ',';
    writer.append_owner(items, (*owners)[i]);
  }
  return {.body = envelope("owners", items, query, end < owners->size())};
}

Answer list_flows(const Sources& sources, const Request& request) {
  auto parameters =
      parse_parameters(request.parameters, {"gateway", "owner", "from", "to", "peer", "port", "limit", "offset"});
  if (!parameters) return bad_request(parameters.error());
  auto id = gateway_id(sources, parameters->gateway);
  if (!id) return refused(id.error());
  const auto gateways = sources.store->gateways();
  if (!gateways) return store_failed(gateways.error());
  Names names;
  for (const auto& gateway : *gateways) names[gateway.id] = text_of(gateway.name);

  auto query = parameters->flows;
  query.gateway_id = *id;
  query.limit += 1;  // to know whether there is more
  wire::JsonWriter writer;
  std::string items;
  std::string one;
  std::size_t count = 0;
  const auto done = sources.store->flows(query, [&](const store::StoredFlow& stored) {
    if (++count > parameters->flows.limit) return;
    one.clear();
    writer.append(one, stored.flow);
    one.resize(one.find_last_of('}'));
    if (count > 1) items += ',';
    items += one;
    const auto name = names.find(stored.gateway_id);
    items += ",\"gateway\":" + (name == names.end() ? "null" : name->second) + "}";
  });
  if (!done) return store_failed(done.error());
  return {.body = envelope("flows", items, parameters->flows, count > parameters->flows.limit)};
}

Answer list_ledgers(const Sources& sources, const Request& request) {
  auto parameters = parse_parameters(request.parameters, {"gateway", "from", "to"});
  if (!parameters) return bad_request(parameters.error());
  const auto id = gateway_id(sources, parameters->gateway);
  if (!id) return refused(id.error());
  const auto gateways = sources.store->gateways();
  if (!gateways) return store_failed(gateways.error());
  json list = json::array();
  for (const auto& gateway : *gateways) {
    if (*id && gateway.id != **id) continue;
    const auto account = sources.store->ledger(gateway.id, parameters->flows.range);
    if (!account) return store_failed(account.error());
    list.push_back(ledger_object(gateway.name, *account));
  }
  return ok({{"ledgers", std::move(list)}});
}

}  // namespace iris::rest
