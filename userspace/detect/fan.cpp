// SPDX-License-Identifier: Apache-2.0
#include "detect/fan.h"

#include <algorithm>

namespace iris::detect {

const Fan::Group& Fan::add(std::uint64_t now_ns, std::uint64_t key, std::uint64_t member, std::uint64_t attempts,
                           std::uint64_t unanswered) {
  if (now_ns >= start_ns_ + length_ns_ || now_ns < start_ns_) {
    groups_.clear();
    start_ns_ = now_ns;
  }
  auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.key == key; });
  if (group == groups_.end()) {
    if (groups_.size() >= kGroups) {
      group = std::min_element(groups_.begin(), groups_.end(),
                               [](const Group& a, const Group& b) { return a.members.size() < b.members.size(); });
      *group = Group{};
    } else {
      groups_.emplace_back();
      group = std::prev(groups_.end());
    }
    group->key = key;
  }
  const auto place = std::lower_bound(group->members.begin(), group->members.end(), member);
  if ((place == group->members.end() || *place != member) && group->members.size() < kMembers)
    group->members.insert(place, member);
  group->attempts += attempts;
  group->unanswered += unanswered;
  return *group;
}

}  // namespace iris::detect
