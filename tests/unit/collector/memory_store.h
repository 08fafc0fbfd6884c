// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace iris::test_support {

/// A store without a disk, with the rules of position, duplicate and overlap.
class MemoryStore final : public store::Store {
 public:
  using CommitHook = std::function<base::Result<void>()>;

  /// Runs in commit(), before and after what it does; an error is commit's.
  void before_commit(CommitHook hook) { set(before_, std::move(hook)); }
  void after_commit(CommitHook hook) { set(after_, std::move(hook)); }

  /// Sequences of the windows that were committed, in the order of commits.
  std::vector<std::uint64_t> windows(std::int64_t gateway_id) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> sequences;
    for (const auto& batch : committed_) {
      if (batch.gateway_id != gateway_id) continue;
      for (const auto& record : batch.batch.records) {
        if (const auto* ledger = std::get_if<flow::Ledger>(&record)) sequences.push_back(ledger->sequence);
      }
    }
    return sequences;
  }
  std::vector<store::IngestBatch> committed() const {
    const std::lock_guard lock(mutex_);
    return committed_;
  }
  std::size_t commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
  }

  base::Result<store::Gateway> add_gateway(const std::string& name, const std::string& token_hash,
                                           std::uint64_t now_wall_ns) override {
    const std::lock_guard lock(mutex_);
    for (const auto& known : gateways_) {
      if (known.first.name == name) return base::fail("there is a gateway of this name");
    }
    store::Gateway gateway;
    gateway.id = static_cast<std::int64_t>(gateways_.size()) + 1;
    gateway.name = name;
    gateway.created_wall_ns = now_wall_ns;
    gateways_.emplace_back(gateway, token_hash);
    return gateway;
  }
  base::Result<void> revoke_gateway(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    for (auto& known : gateways_) {
      if (known.first.name == name) known.first.revoked = true;
    }
    return {};
  }
  base::Result<std::vector<store::Gateway>> gateways() override {
    const std::lock_guard lock(mutex_);
    std::vector<store::Gateway> all;
    for (const auto& known : gateways_) all.push_back(known.first);
    return all;
  }
  base::Result<std::optional<store::Gateway>> gateway_by_token(const std::string& token_hash) override {
    return find([&](const auto& known) { return known.second == token_hash; });
  }
  base::Result<std::optional<store::Gateway>> gateway_by_name(const std::string& name) override {
    return find([&](const auto& known) { return known.first.name == name; });
  }
  base::Result<void> describe_gateway(const store::Gateway& gateway) override {
    const std::lock_guard lock(mutex_);
    for (auto& known : gateways_) {
      if (known.first.id == gateway.id) known.first = gateway;
    }
    return {};
  }
  base::Result<std::uint64_t> position(std::int64_t gateway_id, std::uint64_t epoch) override {
    const std::lock_guard lock(mutex_);
    return positions_[{gateway_id, epoch}];
  }
  base::Result<std::vector<store::CommitResult>> commit(std::span<const store::IngestBatch> batches,
                                                        std::uint64_t) override {
    if (auto allowed = run(before_); !allowed) return tl::unexpected(allowed.error());
    std::vector<store::CommitResult> results;
    {
      const std::lock_guard lock(mutex_);
      ++commits_;
      std::set<std::pair<std::int64_t, std::uint64_t>> overlapped;
      for (const auto& batch : batches) results.push_back(commit_one(batch, overlapped));
    }
    if (auto done = run(after_); !done) return tl::unexpected(done.error());
    return results;
  }

  base::Result<void> flows(const store::FlowQuery&, const std::function<void(const store::StoredFlow&)>&) override {
    return base::fail("not here");
  }
  base::Result<std::vector<flow::OwnerPtr>> owners(std::optional<std::int64_t>) override {
    return base::fail("not here");
  }
  base::Result<void> devices(const store::DeviceQuery&, const std::function<void(const store::StoredDevice&)>&) override {
    return {};
  }
  base::Result<void> security_events(const store::SecurityQuery&,
                                     const std::function<void(const store::StoredSecurityEvent&)>&) override {
    return {};
  }
  base::Result<store::LedgerAccount> ledger(std::int64_t, const store::TimeRange&) override {
    return base::fail("not here");
  }
  // Nothing is judged here.
  base::Result<std::vector<store::JudgeInput>> judge_inputs(std::uint64_t, std::size_t) override { return {}; }
  base::Result<void> add_judge_input(const store::JudgeInput&) override { return {}; }
  base::Result<std::uint64_t> judge_states(const std::function<void(store::JudgeState&&)>&) override { return 0U; }
  base::Result<void> checkpoint(std::span<const store::JudgeState>, std::uint64_t, std::uint64_t) override { return {}; }
  base::Result<void> put_alerts(std::span<const store::AlertEntry>, std::uint64_t) override { return {}; }
  base::Result<void> alerts(const store::AlertQuery&, const std::function<void(const store::StoredAlert&)>&) override {
    return {};
  }
  base::Result<std::vector<store::StoredAlert>> alert_changes(std::uint64_t, std::size_t) override { return {}; }
  base::Result<bool> set_alert_state(const std::string&, store::AlertState) override { return false; }
  base::Result<void> profiles(const store::ProfileQuery&,
                              const std::function<void(const store::StoredProfile&)>&) override {
    return {};
  }
  base::Result<std::optional<store::StoredIncident>> incident(const std::string&) override { return std::nullopt; }
  base::Result<std::uint64_t> sink_position(const std::string&) override { return 0U; }
  base::Result<void> set_sink_position(const std::string&, std::uint64_t) override { return {}; }

  base::Result<bool> maintain(const store::Retention&, std::uint64_t) override { return false; }

 private:
  using Known = std::pair<store::Gateway, std::string>;

  template <typename Match>
  std::optional<store::Gateway> find(Match match) const {
    const std::lock_guard lock(mutex_);
    for (const auto& known : gateways_) {
      if (match(known)) return known.first;
    }
    return std::nullopt;
  }

  store::CommitResult commit_one(const store::IngestBatch& batch,
                                 std::set<std::pair<std::int64_t, std::uint64_t>>& overlapped) {
    const std::pair key{batch.gateway_id, batch.epoch};
    auto& position = positions_[key];
    if (overlapped.contains(key)) return store::CommitResult::overlap;
    if (batch.last_sequence <= position) return store::CommitResult::duplicate;
    if (batch.first_sequence <= position) {
      overlapped.insert(key);
      return store::CommitResult::overlap;
    }
    position = batch.last_sequence;
    committed_.push_back(batch);
    return store::CommitResult::committed;
  }

  void set(CommitHook& hook, CommitHook value) {
    const std::lock_guard lock(mutex_);
    hook = std::move(value);
  }
  base::Result<void> run(const CommitHook& hook) const {
    CommitHook copy;
    {
      const std::lock_guard lock(mutex_);
      copy = hook;
    }
    return copy ? copy() : base::Result<void>{};
  }

  mutable std::mutex mutex_;
  CommitHook before_;
  CommitHook after_;
  std::vector<Known> gateways_;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::uint64_t> positions_;
  std::vector<store::IngestBatch> committed_;
  std::size_t commits_ = 0;
};

}  // namespace iris::test_support
