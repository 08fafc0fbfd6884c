// SPDX-License-Identifier: Apache-2.0
#include "identity/create_options.h"

#include <fmt/format.h>

#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr std::size_t kMaxItems = 1000;
constexpr int kLastPiece = 99;

std::vector<std::string> string_list(const Json* value) {
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (value->is_string()) out.push_back(raw_text(value));
  if (!value->is_array()) return out;
  for (const Json& item : *value) {
    if (out.size() >= kMaxItems) break;
    if (item.is_string()) out.push_back(raw_text(&item));
  }
  return out;
}

/// "/host/path:/container/path:ro", "volume:/container/path".
void take_bind(const std::string& bind, CreateOptions& options) {
  const std::size_t colon = bind.find(':');
  if (colon == std::string::npos) return;
  const std::size_t end = bind.find(':', colon + 1);
  options.mounts.push_back({bind.substr(0, colon), bind.substr(colon + 1, end == std::string::npos ? end : end - colon - 1)});
}

void copy_members(const Json& from, std::initializer_list<const char*> names, Json& to) {
  for (const char* name : names) {
    const Json* value = member_any_case(from, {name});
    if (value != nullptr && !value->is_null() && !(value->is_structured() && value->empty())) to[name] = *value;
  }
}

}  // namespace

std::optional<Json> join_create_options(const Json& settings) {
  const Json* first = member_any_case(settings, {"createOptions"});
  if (first == nullptr || first->is_null()) return Json::object();
  if (first->is_object()) return *first;  // edited by hand
  if (!first->is_string()) return std::nullopt;
  std::string text = raw_text(first);
  for (int piece = 1; piece <= kLastPiece; ++piece) {
    const std::string name = fmt::format("createOptions{:02}", piece);
    const Json* next = member_any_case(settings, {std::string_view(name)});
    if (next == nullptr || !next->is_string()) break;
    text += raw_text(next);
  }
  const std::string_view whole = trimmed(text);
  if (whole.empty() || whole == "null") return Json::object();
  auto parsed = parse_json(whole);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return std::move(*parsed);
}

CreateOptions read_create_options(const Json& options) {
  CreateOptions out;
  out.command = string_list(member_any_case(options, {"Entrypoint"}));
  for (std::string& argument : string_list(member_any_case(options, {"Cmd"}))) out.command.push_back(std::move(argument));
  for (const std::string& variable : string_list(member_any_case(options, {"Env"}))) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos && equals > 0) out.environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  out.working_directory = raw_text(member_any_case(options, {"WorkingDir"}));
  const Json* host = member_any_case(options, {"HostConfig"});
  if (host == nullptr) return out;
  for (const std::string& bind : string_list(member_any_case(*host, {"Binds"}))) take_bind(bind, out);
  if (const Json* mounts = member_any_case(*host, {"Mounts"}); mounts != nullptr && mounts->is_array()) {
    for (const Json& mount : *mounts) {
      if (out.mounts.size() >= kMaxItems) break;
      out.mounts.push_back({raw_text(member_any_case(mount, {"Source"})), raw_text(member_any_case(mount, {"Target", "Destination"}))});
    }
  }
  return out;
}

Json telling_options(const Json& options) {
  Json out = Json::object();
  copy_members(options, {"Cmd", "Entrypoint", "Env", "Hostname", "ExposedPorts", "Labels", "NetworkingConfig"}, out);
  if (const Json* host = member_any_case(options, {"HostConfig"}); host != nullptr && host->is_object()) {
    Json kept = Json::object();
    copy_members(*host, {"Binds", "Mounts", "PortBindings", "Devices", "Privileged", "NetworkMode", "CapAdd", "ExtraHosts", "PidMode"}, kept);
    if (!kept.empty()) out["HostConfig"] = std::move(kept);
  }
  return out;
}

}  // namespace iris::identity
