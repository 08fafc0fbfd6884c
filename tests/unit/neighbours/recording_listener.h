// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "identity/registry_client.h"

namespace iris::neighbours::test {

/// Keeps what a client says, and waits for it.
class RecordingListener final : public identity::RegistryListener {
 public:
  void on_evidence(const std::string&, std::vector<identity::SharedEvidence> evidence) override {
    const std::lock_guard lock(mutex_);
    evidence_.clear();
    for (const auto& one : evidence) evidence_.push_back(*one);
    ++reports_;
    changed_.notify_all();
  }
  void on_security(std::vector<flow::SecurityRecord>, identity::Checkpoints) override {}
  void on_status(identity::RegistryStatus status) override {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    changed_.notify_all();
  }

  /// Waits until `condition(listener)` holds; false after `limit`.
  template <typename Condition>
  bool wait(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return condition(*this); });
  }
  bool wait_for_polls(std::uint64_t count) {
    return wait([count](const RecordingListener& self) { return self.status_.requests >= count; });
  }

  // Within wait(), or after the client has stopped:
  const identity::Evidence* find(identity::Source source, const std::string& address) const {
    for (const auto& one : evidence_) {
      const bool has = std::any_of(one.addresses.begin(), one.addresses.end(), [&](const auto& at) { return to_string(at) == address; });
      if (one.source == source && has) return &one;
    }
    return nullptr;
  }
  std::uint64_t reports() const { return reports_; }
  const identity::RegistryStatus& status() const { return status_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<identity::Evidence> evidence_;
  identity::RegistryStatus status_;
  std::uint64_t reports_ = 0;
};

}  // namespace iris::neighbours::test
