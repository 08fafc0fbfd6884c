// SPDX-License-Identifier: Apache-2.0
#include "agent/known_alerts.h"

#include <algorithm>
#include <utility>

#include "wire/json_alert.h"

namespace iris::agent {

bool KnownAlerts::take(std::string json) {
  auto head = wire::read_alert_head(json);
  if (!head) return false;
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(known_.begin(), known_.end(), [&](const Known& one) { return one.id == head->id; });
  if (known != known_.end()) {
    bytes_ -= known->json.size();
    known_.erase(known);
  }
  bytes_ += json.size();
  known_.push_back({std::move(head->id), std::move(json)});
  while (known_.size() > kMost || bytes_ > kMostBytes) {
    bytes_ -= known_.front().json.size();
    known_.pop_front();
  }
  return true;
}

std::vector<std::string> KnownAlerts::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> alerts;
  alerts.reserve(known_.size());
  for (const auto& one : known_) alerts.push_back(one.json);
  return alerts;
}

}  // namespace iris::agent
