// SPDX-License-Identifier: Apache-2.0
#include "agent/identity_hub.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "identity/pattern.h"

namespace iris::agent {
namespace {

/// What comes in a burst is merged once.
constexpr std::chrono::milliseconds kSettle{200};
constexpr std::chrono::milliseconds kTurn{1'000};
constexpr std::size_t kMaxContainerAddresses = 16'384;

}  // namespace

IdentityHub::IdentityHub(identity::MergeRules rules, const std::map<std::string, std::string>& told, std::chrono::milliseconds patience)
    : patience_(patience), rules_(std::move(rules)), inventory_(told) {}

IdentityHub::~IdentityHub() { stop(); }

void IdentityHub::add(std::string registry, std::unique_ptr<identity::RegistryClient> client) {
  // One that only brings security records never tells of devices.
  if (registry != "event_hub") silent_.insert(registry);
  clients_.emplace_back(std::move(registry), std::move(client));
}

void IdentityHub::start() {
  started_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this] { run(); });
  for (auto& [name, client] : clients_) client->start(*this);
}

void IdentityHub::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  room_.notify_all();
  for (auto& [name, client] : clients_) client->stop();
  if (thread_.joinable()) thread_.join();
}

void IdentityHub::reload() {
  for (auto& [name, client] : clients_) client->reload();
}

void IdentityHub::on_evidence(const std::string& registry, std::vector<identity::SharedEvidence> evidence) {
  {
    const std::lock_guard lock(mutex_);
    evidence_[registry] = std::move(evidence);
    silent_.erase(registry);
    dirty_ = true;
  }
  changed_.notify_one();
}

void IdentityHub::on_security(std::vector<flow::SecurityRecord> records, identity::Checkpoints checkpoints) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return stopping_ || security_.size() < kMaxSecurityWaiting; });
  if (stopping_) return;  // not taken: read again after the start
  for (auto& record : records) {
    name_device(record);
    security_.push_back(std::move(record));
  }
  for (auto& [partition, offset] : checkpoints) checkpoints_.insert_or_assign(checkpoint_prefix_ + partition, std::move(offset));
}

void IdentityHub::name_device(flow::SecurityRecord& record) const {
  if (record.device_id.empty() || !record.device.empty()) return;
  const std::string id = record.module_id.empty() ? record.device_id : record.device_id + "/" + record.module_id;
  const auto& devices = inventory_.devices();
  const auto found = std::lower_bound(devices.begin(), devices.end(), id,
                                      [](const flow::Device& device, const std::string& wanted) { return device.id < wanted; });
  if (found != devices.end() && found->id == id) record.device = id;
}

void IdentityHub::on_status(identity::RegistryStatus status) {
  const std::lock_guard lock(mutex_);
  auto& known = statuses_[status.registry];
  if (known.connected != status.connected || (!status.connected && known.detail != status.detail)) {
    if (status.connected) {
      spdlog::info("{}: {}", status.registry, status.detail.empty() ? "well" : status.detail);
    } else {
      spdlog::warn("{}: {}", status.registry, status.detail);
    }
  }
  known = std::move(status);
}

bool IdentityHub::all_heard() const { return silent_.empty(); }

void IdentityHub::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kTurn, [this] { return stopping_ || dirty_; });
    if (stopping_) return;
    // A part of the sources would show for a moment what the others tell better.
    const bool may = merged_once_ || all_heard() || std::chrono::steady_clock::now() - started_ >= patience_;
    if (!may || !dirty_) {
      changed_.wait_for(lock, kSettle, [this] { return stopping_; });
      continue;
    }
    changed_.wait_for(lock, kSettle, [this] { return stopping_; });
    if (stopping_) return;
    merge_now(lock);
    lock.unlock();
    malloc_trim(0);  // with thousands of devices, megabytes went through this thread's hands
    lock.lock();
  }
}

void IdentityHub::merge_now(std::unique_lock<std::mutex>& lock) {
  dirty_ = false;
  std::vector<identity::SharedEvidence> all;
  for (const auto& [registry, evidence] : evidence_) {
    std::copy_if(evidence.begin(), evidence.end(), std::back_inserter(all), [this](const auto& one) { return !is_container(*one); });
  }
  const identity::MergeRules rules = rules_;
  const bool complete = all_heard();
  lock.unlock();
  auto devices = identity::merge(all, rules);
  all = {};
  auto index = identity::DeviceIndex::make(devices);
  std::vector<std::string> patterns;
  for (const auto pattern : identity::patterns_of(devices, rules.gateway)) {
    if (pattern != flow::GatewayPattern::none) patterns.emplace_back(flow::to_string(pattern));
  }
  lock.lock();
  merged_once_ = true;
  inventory_.set(std::move(devices), complete);
  index_ = std::move(index);
  index_is_new_ = true;
  patterns_ = std::move(patterns);
}

std::shared_ptr<const identity::DeviceIndex> IdentityHub::new_index() {
  const std::lock_guard lock(mutex_);
  return std::exchange(index_is_new_, false) ? index_ : nullptr;
}

bool IdentityHub::is_container(const identity::Evidence& evidence) const {
  if (evidence.source != identity::Source::neighbour_table) return false;
  return std::any_of(evidence.addresses.begin(), evidence.addresses.end(),
                     [this](const auto& address) { return address.ip && container_addresses_.contains(*address.ip); });
}

void IdentityHub::look_at(const flow::ContainerRecord& container) {
  if (!container.addresses.empty()) {
    const std::lock_guard lock(mutex_);
    if (container_addresses_.size() >= kMaxContainerAddresses) container_addresses_.clear();
    for (const auto& address : container.addresses) {
      if (container_addresses_.insert(address).second) dirty_ = true;
    }
  }
  if (!container.owner || container.owner->device_id.empty()) return;
  const std::string& device_id = container.owner->device_id;
  {
    const std::lock_guard lock(mutex_);
    if (!rules_.gateway.empty()) return;
    rules_.gateway = device_id;
    dirty_ = true;
  }
  spdlog::info("this gateway is '{}' in IoT Hub, as its module '{}' says", device_id, container.owner->module_id);
  for (auto& [name, client] : clients_) client->set_gateway_id(device_id);
}

IdentityHub::News IdentityHub::take(std::uint64_t wall_ns) {
  News news;
  {
    const std::lock_guard lock(mutex_);
    auto told = inventory_.take(wall_ns, kMaxRecordsAWindow);
    for (auto& record : told.records) news.records.emplace_back(std::move(record));
    news.keep = std::move(told.keep);
    // With the positions only when all behind them go along.
    while (!security_.empty() && news.records.size() < 2 * kMaxRecordsAWindow) {
      news.records.emplace_back(std::move(security_.front()));
      security_.pop_front();
    }
    if (security_.empty()) news.keep.merge(std::exchange(checkpoints_, {}));
  }
  room_.notify_all();
  return news;
}

std::vector<flow::Device> IdentityHub::devices() const {
  const std::lock_guard lock(mutex_);
  return inventory_.devices();
}

IdentityStatus IdentityHub::status() const {
  const std::lock_guard lock(mutex_);
  IdentityStatus status;
  for (const auto& [name, one] : statuses_) status.registries.push_back(one);
  status.devices = inventory_.devices().size();
  status.patterns = patterns_;
  return status;
}

}  // namespace iris::agent
