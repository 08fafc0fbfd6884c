// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "identity/registry_client.h"

namespace iris::test_support {

/// Keeps what a client said.
class RecordingListener : public identity::RegistryListener {
 public:
  void on_evidence(const std::string&, std::vector<identity::SharedEvidence> evidence) override {
    const std::lock_guard lock(mutex_);
    auto& all = sets_.emplace_back();
    for (const auto& one : evidence) all.push_back(*one);
  }
  void on_security(std::vector<flow::SecurityRecord>, identity::Checkpoints) override {}
  void on_status(identity::RegistryStatus status) override {
    const std::lock_guard lock(mutex_);
    statuses_.push_back(std::move(status));
  }

  std::size_t sets() const {
    const std::lock_guard lock(mutex_);
    return sets_.size();
  }
  std::vector<identity::Evidence> evidence() const {
    const std::lock_guard lock(mutex_);
    return sets_.empty() ? std::vector<identity::Evidence>() : sets_.back();
  }
  /// Sorted.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& one : evidence()) names.push_back(one.name);
    std::sort(names.begin(), names.end());
    return names;
  }
  identity::RegistryStatus status() const {
    const std::lock_guard lock(mutex_);
    return statuses_.empty() ? identity::RegistryStatus() : statuses_.back();
  }
  std::vector<identity::RegistryStatus> statuses() const {
    const std::lock_guard lock(mutex_);
    return statuses_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::vector<identity::Evidence>> sets_;
  std::vector<identity::RegistryStatus> statuses_;
};

}  // namespace iris::test_support
