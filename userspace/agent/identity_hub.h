// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "agent/inventory.h"
#include "flow/records.h"
#include "identity/device_index.h"
#include "identity/merge.h"
#include "identity/registry_client.h"

namespace iris::agent {

struct IdentityStatus {
  std::vector<identity::RegistryStatus> registries;
  std::uint64_t devices = 0;
  std::vector<std::string> patterns;
};

/// Where registries leave what they learn, and the capture thread takes identities
/// from: evidence is merged on a thread of its own. Security records wait, with the
/// positions behind them, until the capture thread has put them into a batch; a
/// registry that brings more than fit waits, too.
class IdentityHub : public identity::RegistryListener {
 public:
  static constexpr std::size_t kMaxRecordsAWindow = 512;
  static constexpr std::size_t kMaxSecurityWaiting = 4'096;
  /// `told`: as Inventory. The clients are started by start() and ended by stop().
  IdentityHub(identity::MergeRules rules, const std::map<std::string, std::string>& told,
              std::chrono::milliseconds patience = std::chrono::seconds(60));
  ~IdentityHub() override;  // as stop()

  void add(std::string registry, std::unique_ptr<identity::RegistryClient> client);
  void start();
  void stop();
  /// Settings in files may have changed.
  void reload();

  /// Of the keys in the spool under which positions in partitions are kept: those of one hub.
  void set_checkpoint_prefix(std::string prefix) { checkpoint_prefix_ = std::move(prefix); }
  // From registries' threads:
  void on_evidence(const std::string& registry, std::vector<identity::SharedEvidence> evidence) override;
  void on_security(std::vector<flow::SecurityRecord> records, identity::Checkpoints checkpoints) override;
  void on_status(identity::RegistryStatus status) override;

  // From the capture thread:

  /// A newer index than the last one given, or null.
  std::shared_ptr<const identity::DeviceIndex> new_index();
  /// What a container tells of this gateway.
  void look_at(const flow::ContainerRecord& container);
  struct News {
    std::vector<flow::Record> records;
    std::map<std::string, std::string> keep;
  };
  /// For the window that ends now.
  News take(std::uint64_t wall_ns);

  // From any thread:
  std::vector<flow::Device> devices() const;
  IdentityStatus status() const;

 private:
  void run();
  void merge_now(std::unique_lock<std::mutex>& lock);
  bool all_heard() const;
  bool is_container(const identity::Evidence& evidence) const;
  void name_device(flow::SecurityRecord& record) const;

  const std::chrono::milliseconds patience_;
  std::string checkpoint_prefix_ = "event_hub/";
  std::vector<std::pair<std::string, std::unique_ptr<identity::RegistryClient>>> clients_;

  mutable std::mutex mutex_;  // all below
  std::condition_variable changed_;
  std::condition_variable room_;
  identity::MergeRules rules_;
  std::map<std::string, std::vector<identity::SharedEvidence>> evidence_;  // by registry
  std::map<std::string, identity::RegistryStatus> statuses_;
  std::set<std::string> silent_;  // registries that have not told anything yet
  std::chrono::steady_clock::time_point started_{};
  bool dirty_ = false;
  bool merged_once_ = false;
  bool stopping_ = false;
  Inventory inventory_;
  std::shared_ptr<const identity::DeviceIndex> index_;
  bool index_is_new_ = false;
  std::vector<std::string> patterns_;
  std::unordered_set<base::IpAddress, base::IpAddressHash> container_addresses_;  // ever; neighbours on a bridge are no devices
  std::deque<flow::SecurityRecord> security_;
  std::map<std::string, std::string> checkpoints_;  // behind the records above
  std::thread thread_;
};

}  // namespace iris::agent
