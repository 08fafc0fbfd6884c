// SPDX-License-Identifier: Apache-2.0
#include "identity/edge_agent.h"

#include <algorithm>

#include "identity/clean.h"
#include "identity/create_options.h"
#include "identity/json.h"
#include "identity/reading.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr std::int64_t kStaleCode = 406;

/// What both sides say of one module.
struct Sides {
  const Json* desired = nullptr;
  const Json* reported = nullptr;
};

/// The names of modules of one group ("modules", "systemModules") on both sides.
void take_group(const Json& properties, const char* group, std::string_view prefix, std::map<std::string, Sides>& out) {
  for (const bool is_desired : {true, false}) {
    const Json* modules = at_path(properties, {is_desired ? "desired" : "reported", group});
    if (modules == nullptr || !modules->is_object()) continue;
    for (const auto& [name, value] : modules->items()) {
      if (name.starts_with('$') || !value.is_object()) continue;  // $metadata; null: removed by a patch
      Sides& sides = out[std::string(prefix) + name];
      (is_desired ? sides.desired : sides.reported) = &value;
    }
  }
}

std::string setting(const Json* side, const char* name) {
  const Json* settings = side == nullptr ? nullptr : member(*side, "settings");
  return settings == nullptr ? std::string() : plain_text(member(*settings, name));
}

std::string field(const Json* side, const char* name) { return side == nullptr ? std::string() : plain_text(member(*side, name)); }

std::uint64_t time_of(const Json& reported, std::initializer_list<std::string_view> names) {
  return parse_time(raw_text(member_any_case(reported, names)));
}

std::map<std::string, std::string> environment_of(const Json* side) {
  std::map<std::string, std::string> out;
  const Json* env = side == nullptr ? nullptr : member(*side, "env");
  if (env == nullptr || !env->is_object()) return out;
  for (const auto& [name, value] : env->items()) {
    const Json* inner = value.is_object() ? member(value, "value") : &value;
    if (inner == nullptr || inner->is_null() || inner->is_structured() || name.starts_with('$')) continue;
    out[name] = inner->is_boolean() ? (inner->get<bool>() ? "true" : "false") : raw_text(inner);
  }
  return out;
}

void take_reported(const Json& reported, EdgeModule& module) {
  module.runtime_status = lower_case(plain_text(member(reported, "runtimeStatus")));
  module.exit_code = whole_number(member(reported, "exitCode"));
  module.restart_count = std::max<std::int64_t>(whole_number(member(reported, "restartCount")).value_or(0), 0);
  // The published table says startTimeUtc, the agent writes lastStartTimeUtc.
  module.last_start_wall_ns = time_of(reported, {"lastStartTimeUtc", "startTimeUtc"});
  module.last_exit_wall_ns = time_of(reported, {"lastExitTimeUtc", "exitTimeUtc"});
}

Json configuration_of(const Sides& sides, const EdgeModule& module, const std::optional<Json>& options) {
  Json out = Json::object();
  const auto text = [&](const char* name, std::string value) {
    if (!value.empty()) out[name] = std::move(value);
  };
  const Json* first = sides.desired != nullptr ? sides.desired : sides.reported;
  text("image", module.image);
  text("imageHash", setting(sides.reported, "imageHash"));
  text("status", module.desired_status);
  for (const char* name : {"type", "version", "restartPolicy", "imagePullPolicy", "startupOrder"}) text(name, field(first, name));
  if (module.reported) {
    text("runtimeStatus", module.runtime_status);
    text("statusDescription", field(sides.reported, "statusDescription"));
    if (module.exit_code) out["exitCode"] = *module.exit_code;
    out["restartCount"] = module.restart_count;
  }
  if (!module.environment.empty()) out["env"] = module.environment;
  if (options && !options->empty()) {
    Json telling = telling_options(*options);
    if (!telling.empty()) out["createOptions"] = std::move(telling);
  }
  return out;
}

/// The side whose settings have create options at all: the deployment's, or what the agent reports.
std::optional<Json> options_of(const Sides& sides) {
  for (const Json* side : {sides.desired, sides.reported}) {
    const Json* settings = side == nullptr ? nullptr : member(*side, "settings");
    if (settings != nullptr) return join_create_options(*settings);
  }
  return Json::object();
}

void take_module(const std::string& id, const Sides& sides, const std::string& gateway_id, EdgeAgentReading& out) {
  EdgeModule module;
  module.id = id;
  module.desired = sides.desired != nullptr;
  module.reported = sides.reported != nullptr;
  const Json* first = module.desired ? sides.desired : sides.reported;
  // What runs counts before what is wanted.
  module.image = setting(sides.reported, "image");
  if (module.image.empty()) module.image = setting(sides.desired, "image");
  module.desired_status = field(first, "status");
  if (module.reported) take_reported(*sides.reported, module);
  module.environment = environment_of(first);
  const auto options = options_of(sides);
  if (!options) add_fault(out.reading, "module " + id + ": createOptions are no JSON object");
  if (options && !options->empty()) module.create_options = dump(*options);

  Evidence evidence;
  evidence.source = Source::edge_agent;
  evidence.kind = flow::DeviceKind::module;
  evidence.name = gateway_id + "/" + id;
  evidence.parent = gateway_id;
  evidence.module_id = id;
  evidence.status = module.reported && out.stale ? "unknown" : module.runtime_status;
  evidence.configuration = clean_configuration(configuration_of(sides, module, options));
  if (out.modules.size() >= kMaxEvidence) return add_fault(out.reading, "too many modules: the rest is left out");
  add(out.reading, std::move(evidence));
  out.modules.push_back(std::move(module));
}

}  // namespace

EdgeAgentReading read_edge_agent(std::string_view twin, const std::string& gateway_id) {
  EdgeAgentReading out;
  const auto parsed = parse_json(twin);
  if (!parsed) {
    add_fault(out.reading, "$edgeAgent: " + parsed.error().message);
    return out;
  }
  const Json* properties = member(single(*parsed), "properties");
  if (properties == nullptr || !properties->is_object()) {
    add_fault(out.reading, "$edgeAgent: no properties");
    return out;
  }
  std::map<std::string, Sides> modules;
  take_group(*properties, "systemModules", "$", modules);  // "edgeHub" is $edgeHub in IoT Hub
  take_group(*properties, "modules", "", modules);
  out.usable = !modules.empty();
  if (!out.usable) add_fault(out.reading, "$edgeAgent: no modules, neither desired nor reported");
  if (const Json* code = at_path(*properties, {"reported", "lastDesiredStatus", "code"})) {
    out.desired_status_code = whole_number(code).value_or(0);
  }
  out.stale = out.desired_status_code == kStaleCode;
  out.agent_version = plain_text(at_path(*properties, {"reported", "version", "version"}));
  for (const auto& [id, sides] : modules) {
    if (is_hub_id(id)) {
      take_module(id, sides, gateway_id, out);
    } else {
      add_fault(out.reading, "$edgeAgent: a module with a name that IoT Hub does not allow");
    }
  }
  return out;
}

void mark_ghosts(std::vector<Evidence>& module_twins, const EdgeAgentReading& agent, const std::string& gateway_id) {
  if (!agent.usable) return;
  for (Evidence& evidence : module_twins) {
    if (evidence.source != Source::iot_hub || evidence.kind != flow::DeviceKind::module || evidence.parent != gateway_id) continue;
    evidence.deployed = std::any_of(agent.modules.begin(), agent.modules.end(),
                                    [&](const EdgeModule& module) { return module.id == evidence.module_id; });
  }
}

}  // namespace iris::identity
