// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "collector_program/options.h"
#include "profile/profile.h"
#include "store/store.h"

/// `profile export`: what was learned of one workload as a policy of others' firewalls.
namespace iris::collector {

/// Where profiles come from.
struct ProfileSource {
  std::function<base::Result<std::vector<std::string>>()> keys;  // all, in order
  std::function<base::Result<profile::Profile>(const std::string& key)> load;
};

/// Keys that NAME may mean: a key itself; else an image (with or without tag, or its last
/// part), a container, module, service or device of that name. In order.
std::vector<std::string> profiles_named(const std::string& name, const std::vector<std::string>& keys,
                                        const std::vector<flow::OwnerPtr>& owners);

struct PolicyText {
  std::string out;                 // the document, or what the dry run says
  std::vector<std::string> notes;  // for the person: what the document leaves out
};

/// `now_wall_ns`: the flows of the seven days before are looked at.
base::Result<PolicyText> export_policy(const PolicyRequest& request, bool json, const ProfileSource& profiles,
                                       store::Store& store, std::uint64_t now_wall_ns);

}  // namespace iris::collector
