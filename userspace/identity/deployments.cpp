// SPDX-License-Identifier: Apache-2.0
#include "identity/deployments.h"

#include <algorithm>

#include "identity/clean.h"
#include "identity/json.h"

namespace iris::identity {
namespace {

constexpr std::size_t kMaxDeployments = 100;  // as many as a hub has
constexpr std::size_t kMaxIdBytes = 128;

/// Ids in their own words: lower-case letters, digits and -:+%_#*?!(),=@;$'
bool is_id(const std::string& id) {
  return !id.empty() && id.size() <= kMaxIdBytes && std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void take_named(std::string_view twin, Json& found) {
  if (twin.empty()) return;
  const auto document = parse_json(twin);
  const Json* named = document ? member(single(*document), "configurations") : nullptr;
  if (named == nullptr || !named->is_object()) return;
  for (const auto& [id, value] : named->items()) {
    if (!is_id(id) || (!found.contains(id) && found.size() >= kMaxDeployments)) continue;
    Json& to = found[id];
    if (!to.is_object()) to = Json::object();
    // Applied by one of the two twins is applied.
    const auto status = plain_text(member(value, "status"));
    if (!status.empty() && to.value("status", "") != "Applied") to["status"] = status;
  }
}

const char* kind_of(const Json& document) {
  const Json* content = member(document, "content");
  if (content == nullptr || !content->is_object()) return nullptr;
  const Json* modules = member(*content, "modulesContent");
  if (modules == nullptr) return "configuration";
  if (!modules->is_object()) return nullptr;
  // Layered: "properties.desired.modules.modbus1" where a base deployment has "properties.desired".
  for (const auto& [module, sides] : modules->items()) {
    if (!sides.is_object()) continue;
    for (const auto& [key, value] : sides.items()) {
      if (key.starts_with("properties.desired.")) return "layered_deployment";
    }
  }
  return "deployment";
}

void take_document(const Json& document, Json& to) {
  if (const char* kind = kind_of(document)) to["kind"] = kind;
  if (const auto priority = whole_number(member(document, "priority"))) to["priority"] = *priority;
  for (const char* name : {"targetCondition", "lastUpdatedTimeUtc"}) {
    if (auto text = plain_text(member(document, name)); !text.empty()) to[name] = std::move(text);
  }
  if (const Json* labels = member(document, "labels"); labels != nullptr && labels->is_object() && !labels->empty()) {
    to["labels"] = *labels;
  }
  for (const char* name : {"targetedCount", "appliedCount"}) {
    const auto count = whole_number(at_path(document, {"systemMetrics", "results", name}));
    if (count && *count >= 0) to[name] = *count;
  }
}

}  // namespace

std::string read_deployments(const DeploymentTexts& texts) {
  Json found = Json::object();
  take_named(texts.device_twin, found);
  take_named(texts.edge_agent, found);
  for (const auto& text : texts.documents) {
    const auto document = parse_json(text);
    const auto id = document ? raw_text(member(*document, "id")) : std::string();
    if (const auto named = found.find(id); !id.empty() && named != found.end()) take_document(*document, *named);
  }
  return found.empty() ? std::string() : clean_configuration(found);
}

std::string with_deployments(const std::string& configuration, const std::string& deployments) {
  if (deployments.empty()) return configuration;
  const auto added = parse_json(deployments);
  auto all = parse_json(configuration.empty() ? "{}" : configuration);
  if (!added || !all || !all->is_object()) return configuration;
  (*all)["deployments"] = *added;
  return clean_configuration(*all);
}

}  // namespace iris::identity
