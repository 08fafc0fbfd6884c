// SPDX-License-Identifier: Apache-2.0
#include "rest/answer_parts.h"
#include "rest/answers.h"

namespace iris::rest {

using nlohmann::json;

Answer list_devices(const Sources& sources, const Request& request) {
  const auto parameters = parse_parameters(request.parameters,
                                           {"gateway", "device", "address", "history", "from", "to", "limit", "offset"});
  if (!parameters) return bad_request(parameters.error());
  const auto id = gateway_id(sources, parameters->gateway);
  if (!id) return refused(id.error());
  const auto names = gateway_names(sources);
  if (!names) return store_failed(names.error());
  const std::size_t limit = parameters->flows.limit;
  const store::DeviceQuery query{*id, parameters->device, parameters->address, parameters->flows.range,
                                 parameters->history, limit + 1, parameters->flows.offset};
  std::string items;
  std::size_t count = 0;
  const auto done = sources.store->devices(query, [&](const store::StoredDevice& stored) {
    if (++count > limit) return;
    const json tail{{"gateway", name_in(*names, stored.gateway_id)},
                    {"valid_from", time_or_null(stored.from_wall_ns)},
                    {"valid_to", time_or_null(stored.until_wall_ns)},
                    {"removed", stored.gone}};
    if (count > 1) items += ',';
    items.append(stored.body, 0, stored.body.size() - 1);  // without its closing brace
    items += ',' + text_of(tail).substr(1);
  });
  if (!done) return store_failed(done.error());
  return {.body = envelope("devices", items, *parameters, count > limit)};
}

Answer list_security_events(const Sources& sources, const Request& request) {
  const auto parameters = parse_parameters(request.parameters, {"gateway", "device", "from", "to", "limit", "offset"});
  if (!parameters) return bad_request(parameters.error());
  const auto id = gateway_id(sources, parameters->gateway);
  if (!id) return refused(id.error());
  const auto names = gateway_names(sources);
  if (!names) return store_failed(names.error());
  const std::size_t limit = parameters->flows.limit;
  const store::SecurityQuery query{*id, parameters->device, parameters->flows.range, limit + 1, parameters->flows.offset};
  std::string items;
  std::size_t count = 0;
  const auto done = sources.store->security_events(query, [&](const store::StoredSecurityEvent& stored) {
    if (++count > limit) return;
    json event = json::parse(stored.body, nullptr, false);
    if (!event.is_object()) event = json::object();
    event["gateway"] = name_in(*names, stored.gateway_id);
    // The identity itself, with its tags and configuration, in place of its id.
    json device = stored.device.empty() ? json() : json::parse(stored.device, nullptr, false);
    event["device"] = device.is_object() ? std::move(device) : json();
    items += (count > 1 ? "," : "") + text_of(event);
  });
  if (!done) return store_failed(done.error());
  return {.body = envelope("security_events", items, *parameters, count > limit)};
}

}  // namespace iris::rest
