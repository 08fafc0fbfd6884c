// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "workload.h"

namespace iris::policy::testing {

/// Everything foreign in a policy is `text`. The profile has it from labels, names and paths.
inline Policy hostile_policy(const std::string& text) {
  Workload workload({opens("198.51.100.7", 8883, "mqtt.example.org"), is_called("10.0.0.20", 8080)});
  auto policy = workload.make().value();
  Rule module = policy.rules[0];
  module.kind = profile::PeerKind::module;
  module.app = module.pod_namespace = text.empty() ? "x" : text;
  module.port = 443;
  policy.rules.push_back(module);
  policy.name = policy.key = text;
  for (auto& rule : policy.rules) rule.label = text;
  auto& place = policy.places[0];
  place.name = place.module_id = text;
  place.cgroup_path = text;
  place.labels = {{"app", text.empty() ? "x" : text}, {"io.kubernetes.pod.namespace", text.empty() ? "x" : text}};
  policy.notes.push_back(text + " is hostile");
  return policy;
}

}  // namespace iris::policy::testing
