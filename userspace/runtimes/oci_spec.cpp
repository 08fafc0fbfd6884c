// SPDX-License-Identifier: Apache-2.0
#include "runtimes/oci_spec.h"

#include <nlohmann/json.hpp>

#include "enrich/cgroup_path.h"
#include "runtimes/label_policy.h"

namespace iris::runtimes {

using nlohmann::json;

bool apply_oci_spec(std::string_view text, enrich::ContainerInfo& info) {
  const auto wanted = [](int depth, json::parse_event_t event, json& parsed) {
    if (event != json::parse_event_t::key || depth > 2) return true;
    const auto* key = parsed.get_ptr<const json::string_t*>();
    if (key == nullptr) return false;
    return depth == 1 ? *key == "process" || *key == "root" : *key == "env" || *key == "path";
  };
  const json spec = json::parse(text, wanted, false);
  if (!spec.is_object()) return false;
  if (const auto process = spec.find("process"); process != spec.end() && process->is_object()) {
    if (const auto environment = process->find("env"); environment != process->end() && environment->is_array()) {
      for (const json& variable : *environment) {
        if (const auto* string = variable.get_ptr<const json::string_t*>()) take_environment(*string, info);
      }
    }
  }
  if (const auto root = spec.find("root"); root != spec.end() && root->is_object()) {
    if (const auto path = root->find("path"); path != root->end() && path->is_string()) {
      info.root_path = clean_text(path->get_ref<const json::string_t&>(), 4096);
    }
  }
  return true;
}

void apply_containerd_labels(const std::map<std::string, std::string>& labels, enrich::ContainerInfo& info) {
  const auto label = [&](const char* name) {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string() : clean_text(found->second);
  };
  info.labels = keep_labels(labels);
  const std::string pod = label("io.kubernetes.pod.name");
  const std::string in_pod = label("io.kubernetes.container.name");
  if (label("io.cri-containerd.kind") == "sandbox" && !pod.empty()) {
    info.name = pod;
  } else if (!in_pod.empty()) {
    info.name = pod.empty() ? in_pod : pod + "/" + in_pod;
  } else if (std::string name = label("nerdctl/name"); !name.empty()) {
    info.name = std::move(name);
  } else if (!enrich::is_full_container_id(info.id)) {
    info.name = info.id;
  }
}

}  // namespace iris::runtimes
