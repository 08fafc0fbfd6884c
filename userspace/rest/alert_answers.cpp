// SPDX-License-Identifier: Apache-2.0
#include "rest/alert_answers.h"

#include <optional>

#include "analysis/incident_file.h"
#include "rest/answer_parts.h"

namespace iris::rest {
namespace {

using nlohmann::json;

struct Action {
  std::string_view name;
  store::AlertState state;
};
constexpr Action kActions[] = {{"acknowledge", store::AlertState::acknowledged},
                               {"false_positive", store::AlertState::false_positive},
                               {"close", store::AlertState::closed}};

Answer no_such_alert() { return error_answer(404, "there is no such alert"); }

Answer only(const char* methods) {
  auto refused = error_answer(405, std::string("only ") + methods);
  refused.headers["Allow"] = methods;
  return refused;
}

bool reads(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

base::Result<std::optional<std::string>> find_alert(const Sources& sources, const std::string& id) {
  store::AlertQuery query;
  query.id = id;
  std::optional<std::string> found;
  auto done = sources.store->alerts(query, [&](const store::StoredAlert& alert) { found = alert.json; });
  if (!done) return tl::unexpected(std::move(done.error()));
  return found;
}

Answer one_alert(const Sources& sources, const std::string& id) {
  const auto found = find_alert(sources, id);
  if (!found) return store_failed(found.error());
  if (!*found) return no_such_alert();
  return {.body = **found + "\n"};
}

Answer incident(const Sources& sources, const std::string& id) {
  const auto alert = find_alert(sources, id);
  if (!alert) return store_failed(alert.error());
  if (!*alert) return no_such_alert();
  auto stored = sources.store->incident(id);
  if (!stored) return store_failed(stored.error());
  if (!*stored) return error_answer(410, "what led to this alert is no longer kept");
  Answer answer;
  answer.content_type = "application/octet-stream";
  answer.body = analysis::write_incident({id, **alert, sources.version, std::move(**stored)});
  answer.headers["Content-Disposition"] = "attachment; filename=\"" + id + ".incident\"";
  return answer;
}

/// As a list shows it: without its tables.
std::string brief(const std::string& body) {
  json profile = json::parse(body, nullptr, false);
  if (!profile.is_object()) return "null";
  for (const char* table : {"contacts", "services", "processes"}) {
    const auto found = profile.find(table);
    if (found != profile.end() && found->is_array()) *found = found->size();
  }
  profile.erase("hours_of_week");
  return text_of(profile);
}

}  // namespace

Answer list_alerts(const Sources& sources, const Request& request) {
  const auto parameters = parse_parameters(
      request.parameters, {"gateway", "owner", "device", "class", "severity", "status", "from", "to", "limit", "offset"});
  if (!parameters) return bad_request(parameters.error());
  const auto id = gateway_id(sources, parameters->gateway);
  if (!id) return refused(id.error());
  const auto& flows = parameters->flows;
  store::AlertQuery query;
  query.gateway_id = *id;
  query.owner = flows.owner;
  query.device = parameters->device;
  query.alert_class = parameters->alert_class;
  query.state = parameters->status;
  query.min_severity = parameters->severity;
  query.start_wall_ns = flows.range.start_wall_ns;
  query.end_wall_ns = flows.range.end_wall_ns;
  query.limit = flows.limit + 1;  // to know whether there is more
  query.offset = flows.offset;
  std::string items;
  std::size_t count = 0;
  const auto done = sources.store->alerts(query, [&](const store::StoredAlert& alert) {
    if (++count > flows.limit) return;
    items += (count > 1 ? "," : "") + alert.json;
  });
  if (!done) return store_failed(done.error());
  return {.body = envelope("alerts", items, *parameters, count > flows.limit)};
}

Answer list_profiles(const Sources& sources, const Request& request) {
  const auto parameters = parse_parameters(request.parameters, {"key", "limit", "offset"});
  if (!parameters) return bad_request(parameters.error());
  const std::size_t limit = parameters->flows.limit;
  std::string items;
  std::size_t count = 0;
  const auto done = sources.store->profiles({parameters->key, limit + 1, parameters->flows.offset},
                                            [&](const store::StoredProfile& profile) {
                                              if (++count > limit) return;
                                              items += count > 1 ? "," : "";
                                              items += parameters->key.empty() ? brief(profile.body) : profile.body;
                                            });
  if (!done) return store_failed(done.error());
  return {.body = envelope("profiles", items, *parameters, count > limit)};
}

Answer answer_alert(const Sources& sources, const Request& request, std::string_view rest) {
  const auto slash = rest.find('/');
  const std::string id(rest.substr(0, slash));
  const std::string_view what = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  if (!request.parameters.empty()) return error_answer(400, "no parameters here");
  for (const auto& action : kActions) {
    if (what != action.name) continue;
    if (request.method != "POST") return only("POST");
    const auto set = sources.store->set_alert_state(id, action.state);
    if (!set) return store_failed(set.error());
    return *set ? one_alert(sources, id) : no_such_alert();
  }
  if (!what.empty() && what != "incident") return error_answer(404, "there is no such path");
  if (!reads(request)) return only("GET, HEAD");
  return what.empty() ? one_alert(sources, id) : incident(sources, id);
}

}  // namespace iris::rest
