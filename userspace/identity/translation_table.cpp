// SPDX-License-Identifier: Apache-2.0
#include "identity/translation_table.h"

#include <functional>
#include <set>

#include "identity/address_text.h"
#include "identity/clean.h"
#include "identity/image_name.h"
#include "identity/json.h"
#include "identity/text.h"

namespace iris::identity {
namespace {

constexpr std::size_t kMaxSteps = 16;
constexpr std::size_t kMaxPath = 1024;

/// The names of "/a/b~1c/*"; a '~' escape is undone as in RFC 6901.
std::vector<std::string> steps_of(std::string_view path) {
  std::vector<std::string> steps;
  while (!path.empty()) {
    if (path.starts_with('/')) path.remove_prefix(1);
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    std::string step;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const bool escaped = raw[i] == '~' && i + 1 < raw.size() && (raw[i + 1] == '0' || raw[i + 1] == '1');
      step += escaped ? (raw[++i] == '1' ? '/' : '~') : raw[i];
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

const Json* find(const Json& device, std::string_view path) {
  if (path.empty()) return nullptr;
  const Json* value = &device;
  for (const std::string& step : steps_of(path)) {
    value = member_any_case(*value, {std::string_view(step)});
    if (value == nullptr) return nullptr;
  }
  return value;
}

using Take = std::function<void(const Json& device, const std::string& matched)>;

/// `matched` is what the last '*' has stood for.
void walk(const Json& value, const std::vector<std::string>& steps, std::size_t at, const std::string& matched, const Take& take) {
  if (at == steps.size()) return take(value, matched);
  if (steps[at] != "*") {
    if (const Json* inner = member_any_case(value, {std::string_view(steps[at])})) walk(*inner, steps, at + 1, matched, take);
    return;
  }
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      if (!key.starts_with('$')) walk(inner, steps, at + 1, bounded(key), take);
    }
  } else if (value.is_array()) {
    std::size_t index = 0;
    for (const Json& inner : value) walk(inner, steps, at + 1, std::to_string(index++), take);
  }
}

}  // namespace

base::Result<void> check(const TranslationRow& row) {
  if (row.module.empty()) return base::fail("module: must name a module or an image");
  if (!row.path.empty() && !row.path.starts_with('/')) return base::fail("path: must begin with '/'");
  if (row.path.size() > kMaxPath || steps_of(row.path).size() > kMaxSteps) return base::fail("path: too long");
  if (row.address.empty()) return base::fail("address: must name the member that holds it");
  if (row.id.empty() && row.path.find("/*") == std::string::npos) return base::fail("id: must be set where path has no '*'");
  return {};
}

const TranslationRow* find_row(const std::vector<TranslationRow>& rows, std::string_view module_id, std::string_view image) {
  const std::string repository = image_repository(image);
  for (const TranslationRow& row : rows) {
    if (matches_pattern(row.module, module_id) || (!repository.empty() && matches_pattern(row.module, repository))) return &row;
  }
  return nullptr;
}

Reading apply(const TranslationRow& row, std::string_view twin, const ModuleRef& module) {
  Reading out;
  const std::string place = "module " + module.module_id + ": ";
  if (const auto checked = check(row); !checked) {
    add_fault(out, place + checked.error().message);
    return out;
  }
  const auto parsed = parse_json(twin);
  if (!parsed) {
    add_fault(out, place + parsed.error().message);
    return out;
  }
  const Json* desired = twin_side(single(*parsed), "desired");
  if (desired == nullptr) return out;
  std::set<std::string> names;
  walk(*desired, steps_of(row.path), 0, {}, [&](const Json& device, const std::string& matched) {
    if (device.is_null()) return;
    if (!device.is_object()) return add_fault(out, place + "a device at " + row.path + " is no object");
    Evidence evidence;
    evidence.source = Source::translation_table;
    evidence.kind = flow::DeviceKind::manufactured;
    evidence.name = plain_text(find(device, row.id));
    add_hardware_id(evidence, "hwid", evidence.name);
    if (evidence.name.empty()) evidence.name = matched;
    evidence.parent = module.gateway_id;
    evidence.module_id = module.module_id;
    if (const auto unit = whole_number(find(device, row.unit))) add_hardware_id(evidence, "unit", std::to_string(*unit));
    if (auto target = parse_target(raw_text(find(device, row.address)))) {
      if (const auto port = port_number(find(device, row.port))) target->port = *port;
      add_address(evidence, to_address(*target, {row.protocol, row.default_port}));
    } else {
      add_fault(out, place + "a device without a usable address");
    }
    evidence.configuration = clean_configuration(device);
    if (evidence.name.empty() || !names.insert(evidence.name).second) {
      return add_fault(out, place + "a device that nothing names, or named twice");
    }
    add(out, std::move(evidence));
  });
  return out;
}

}  // namespace iris::identity
