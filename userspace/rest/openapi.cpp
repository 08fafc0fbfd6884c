// SPDX-License-Identifier: Apache-2.0
#include "rest/openapi.h"

#include <nlohmann/json.hpp>

#include "rest/parameters.h"

namespace iris::rest {
namespace {

using nlohmann::json;

json parameter(const std::string& name, const std::string& description, json schema) {
  return {{"name", name}, {"in", "query"}, {"required", false}, {"description", description}, {"schema", std::move(schema)}};
}

json all_parameters() {
  const json text{{"type", "string"}};
  const json time{{"type", "string"}, {"format", "date-time"}};
  return {{"gateway", parameter("gateway", "Name of a gateway.", text)},
          {"owner", parameter("owner", "Name of a container, service or module.", text)},
          {"device", parameter("device", "Id of a device.", text)},
          {"address", parameter("address", "IP address, MAC address or serial line of a device.", text)},
          {"history", parameter("history", "Each state within the range, not only the last.",
                                {{"type", "boolean"}, {"default", false}})},
          {"key", parameter("key", "Key of a profile: the whole of it.", text)},
          {"class", parameter("class", "Class of an alert, such as lateral_movement.", text)},
          {"severity", parameter("severity", "Least severity, 1 (information) to 5 (critical).",
                                 {{"type", "integer"}, {"minimum", 1}, {"maximum", 5}, {"default", 1}})},
          {"status", parameter("status", "What people have said to the alert.",
                               {{"type", "string"}, {"enum", {"open", "acknowledged", "false_positive", "closed"}}})},
          {"from", parameter("from", "Start of the time range, inclusive.", time)},
          {"to", parameter("to", "End of the time range, exclusive.", time)},
          {"peer", parameter("peer", "Address or CIDR block of the peer.", text)},
          {"port", parameter("port", "Service port.", {{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}})},
          {"limit", parameter("limit", "Most items in the answer.",
                              {{"type", "integer"}, {"minimum", 1}, {"maximum", kMaxLimit}, {"default", kDefaultLimit}})},
          {"offset", parameter("offset", "Items to leave out at the start.",
                               {{"type", "integer"}, {"minimum", 0}, {"maximum", kMaxOffset}, {"default", 0}})}};
}

json reference(const std::string& kind, const std::string& name) {
  return {{"$ref", "#/components/" + kind + "/" + name}};
}

json described(const std::string& description) { return {{"description", description}}; }

json answer(const std::string& description, const json& schema, const std::string& type = "application/json") {
  return {{"description", description}, {"content", {{type, {{"schema", schema}}}}}};
}

json list_schema(const std::string& name, const std::string& item) {
  json properties{{name, {{"type", "array"}, {"items", reference("schemas", item)}}}};
  if (name != "gateways" && name != "ledgers") {
    properties["limit"] = {{"type", "integer"}};
    properties["offset"] = {{"type", "integer"}};
    properties["more"] = {{"type", "boolean"}, {"description", "There are items behind these."}};
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

json path(const std::string& summary, const json& good, const std::vector<std::string>& parameters = {}) {
  json list = json::array();
  for (const auto& name : parameters) list.push_back(reference("parameters", name));
  json answers{{"200", good}, {"401", reference("responses", "unauthorized")}, {"500", reference("responses", "failed")}};
  answers["400"] = reference("responses", "bad_parameter");
  return {{"get", {{"summary", summary}, {"parameters", list}, {"responses", answers}}}};
}

json alert_path(const char* method, const std::string& summary, const json& good) {
  const json id{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}};
  return {{method, {{"summary", summary},
                    {"parameters", json::array({id})},
                    {"responses", {{"200", good},
                                   {"401", reference("responses", "unauthorized")},
                                   {"404", reference("responses", "not_found")},
                                   {"500", reference("responses", "failed")}}}}}};
}

json open_path(const std::string& summary) {
  return {{"get", {{"summary", summary},
                   {"security", json::array()},
                   {"responses", {{"200", described("Yes.")}, {"503", described("No.")}}}}}};
}

json object_schema(const std::vector<std::pair<std::string, std::string>>& fields) {
  json properties = json::object();
  for (const auto& [name, type] : fields) {
    properties[name] = {{"type", type}, {"nullable", true}};
    if (type == "array") properties[name]["items"] = json::object();
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

json schemas() {
  return {
      {"Error", object_schema({{"error", "string"}})},
      {"Gateway", object_schema({{"name", "string"}, {"revoked", "boolean"}, {"created", "string"}, {"last_seen", "string"},
                                 {"agent_version", "string"}, {"host_name", "string"}, {"kernel_release", "string"}})},
      {"Owner", object_schema({{"kind", "string"}, {"id", "integer"}, {"container_id", "string"}, {"name", "string"},
                               {"image", "string"}, {"runtime", "string"}, {"module_id", "string"},
                               {"device_id", "string"}, {"labels", "object"}})},
      {"Flow", object_schema({{"type", "string"}, {"gateway", "string"}, {"window_start", "string"}, {"window_end", "string"},
                              {"owner", "object"}, {"role", "string"}, {"protocol", "string"}, {"local_address", "string"},
                              {"peer_address", "string"}, {"service_port", "integer"}, {"peer_names", "array"},
                              {"peer_owner", "object"}, {"peer_device", "string"}, {"scope", "string"},
                              {"opened", "integer"}, {"established", "integer"}, {"closed", "integer"},
                              {"active", "integer"}, {"failed", "object"}, {"originator_bytes", "integer"},
                              {"responder_bytes", "integer"}, {"originator_packets", "integer"},
                              {"responder_packets", "integer"}, {"retransmits", "integer"}, {"rtt_us", "object"},
                              {"first_seen", "string"}, {"last_seen", "string"}, {"processes", "array"},
                              {"pre_existing", "boolean"}, {"folded", "boolean"}, {"attribution", "string"}})},
      {"Device", object_schema({{"id", "string"}, {"kind", "string"}, {"pattern", "string"}, {"sources", "array"},
                                {"tags", "object"}, {"configuration", "object"}, {"addresses", "array"},
                                {"parent", "string"}, {"module_id", "string"}, {"status", "string"},
                                {"deployed", "boolean"}, {"conflicts", "array"}, {"gateway", "string"},
                                {"valid_from", "string"}, {"valid_to", "string"}, {"removed", "boolean"}})},
      {"SecurityEvent", object_schema({{"type", "string"}, {"gateway", "string"}, {"time", "string"}, {"reason", "string"},
                                       {"severity", "integer"}, {"device_id", "string"}, {"module_id", "string"},
                                       {"category", "string"}, {"operation", "string"}, {"code", "string"},
                                       {"description", "string"}, {"protocol", "string"}, {"remote_address", "string"},
                                       {"hub", "string"}, {"device", "object"}})},
      {"Alert", object_schema({{"type", "string"}, {"id", "string"}, {"time", "string"}, {"last_time", "string"},
                               {"class", "string"}, {"rule", "string"}, {"rules", "array"}, {"severity", "integer"},
                               {"gateway", "string"}, {"owner", "object"}, {"device", "object"}, {"subject", "string"},
                               {"peer", "string"}, {"summary", "string"}, {"expected", "object"}, {"observed", "number"},
                               {"attack_techniques", "array"}, {"evidence", "array"}, {"affected", "array"},
                               {"count", "integer"}, {"confidence", "number"}, {"status", "string"}})},
      {"Profile", object_schema({{"type", "string"}, {"key", "string"}, {"maturity", "string"}, {"novelty", "number"},
                                 {"novelty_bound", "number"}, {"confidence", "number"}, {"learning_since", "string"},
                                 {"last_seen", "string"}, {"windows", "integer"}, {"bytes", "integer"},
                                 {"contacts", "array"}, {"services", "array"}, {"processes", "array"},
                                 {"exits", "array"}, {"hours_of_week", "array"}})},
      {"Ledger", object_schema({{"gateway", "string"}, {"verdict", "string"}, {"window_start", "string"},
                                {"window_end", "string"}, {"produced", "integer"}, {"delivered", "integer"},
                                {"folded", "integer"}, {"lost", "integer"}, {"dropped", "object"}, {"gaps", "array"}})}};
}

json paths() {
  return {
      {"/api/v1/gateways", path("Gateways that may ship, or might once.", answer("All of them.", list_schema("gateways", "Gateway")))},
      {"/api/v1/owners", path("Containers, services and hosts seen.", answer("A page.", list_schema("owners", "Owner")),
                              {"gateway", "limit", "offset"})},
      {"/api/v1/flows", path("Flow summaries by the start of their window.", answer("A page.", list_schema("flows", "Flow")),
                             {"gateway", "owner", "from", "to", "peer", "port", "limit", "offset"})},
      {"/api/v1/devices", path("Identities of devices and modules, and since when.",
                               answer("A page.", list_schema("devices", "Device")),
                               {"gateway", "device", "address", "history", "from", "to", "limit", "offset"})},
      {"/api/v1/security_events", path("What the cloud reported of devices.",
                                       answer("A page.", list_schema("security_events", "SecurityEvent")),
                                       {"gateway", "device", "from", "to", "limit", "offset"})},
      {"/api/v1/alerts", path("Alerts, the latest first.", answer("A page.", list_schema("alerts", "Alert")),
                              {"gateway", "owner", "device", "class", "severity", "status", "from", "to", "limit", "offset"})},
      {"/api/v1/alerts/{id}", alert_path("get", "One alert.", answer("As it stands.", reference("schemas", "Alert")))},
      {"/api/v1/alerts/{id}/incident",
       alert_path("get", "A file with which `iris-collector replay` finds the alert again.",
                  answer("See incident.proto.", {{"type", "string"}, {"format", "binary"}}, "application/octet-stream"))},
      {"/api/v1/alerts/{id}/acknowledge",
       alert_path("post", "Somebody sees to it.", answer("The alert.", reference("schemas", "Alert")))},
      {"/api/v1/alerts/{id}/false_positive",
       alert_path("post", "It was in order: the profile learns it.", answer("The alert.", reference("schemas", "Alert")))},
      {"/api/v1/alerts/{id}/close", alert_path("post", "It is dealt with.", answer("The alert.", reference("schemas", "Alert")))},
      {"/api/v1/profiles", path("What is normal: briefly of all, wholly of one.",
                                answer("A page.", list_schema("profiles", "Profile")), {"key", "limit", "offset"})},
      {"/api/v1/ledger", path("What was produced, delivered and lost, with a verdict for each gateway.",
                              answer("One a gateway.", list_schema("ledgers", "Ledger")), {"gateway", "from", "to"})},
      {"/api/v1/openapi.json", path("This document.", answer("OpenAPI 3.0.3.", {{"type", "object"}}))},
      {"/metrics", path("Metrics for Prometheus.", answer("Text format 0.0.4.", {{"type", "string"}}, "text/plain"))},
      {"/healthz", open_path("Does the process answer?")},
      {"/readyz", open_path("Does the store take batches?")}};
}

}  // namespace

std::string openapi_document(const std::string& version) {
  const auto error = reference("schemas", "Error");
  const json document{
      {"openapi", "3.0.3"},
      {"info", {{"title", "iris-collector"}, {"version", version}, {"license", {{"name", "Apache-2.0"}}}}},
      {"security", json::array({{{"token", json::array()}}})},
      {"paths", paths()},
      {"components",
       {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
        {"parameters", all_parameters()},
        {"responses",
         {{"bad_parameter", answer("A parameter is wrong, unknown or given twice.", error)},
          {"unauthorized", answer("No token, or not the right one.", error)},
          {"not_found", answer("There is none of this id.", error)},
          {"failed", answer("The store failed.", error)}}},
        {"schemas", schemas()}}}};
  return document.dump(2) + "\n";
}

}  // namespace iris::rest
