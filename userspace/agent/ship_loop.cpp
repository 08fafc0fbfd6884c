// SPDX-License-Identifier: Apache-2.0
#include "agent/ship_loop.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace iris::agent {
namespace {

constexpr std::chrono::milliseconds kTurn{500};

}  // namespace

ShipLoop::ShipLoop(std::unique_ptr<spool::Spool> spool, BatchQueue& queue)
    : spool_(std::move(spool)), queue_(queue), store_(*spool_), source_(store_) {
  status_.spool = spool_->status();
  for (const auto& file : status_.spool.quarantined) spdlog::error("the spool was damaged: {} is set aside, a new one begun", file);
  queue_.set_on_push([this] {
    const std::lock_guard lock(mutex_);
    if (uplink_) uplink_->wake();
  });
}

ShipLoop::~ShipLoop() { stop(); }

void ShipLoop::set_uplink(std::optional<ship::UplinkOptions> options) {
  const std::lock_guard lock(mutex_);
  new_uplink_ = std::move(options);
  if (uplink_) uplink_->wake();
}

void ShipLoop::start() {
  last_turn_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this] { run(); });
}

void ShipLoop::stop() {
  stopping_ = true;
  queue_.close();
  {
    const std::lock_guard lock(mutex_);
    if (uplink_) uplink_->wake();
  }
  if (thread_.joinable()) thread_.join();
}

void ShipLoop::run() {
  while (!stopping_.load()) {
    renew_for_epoch();
    take_new_uplink();
    // With an uplink it is poll() that waits, woken by the queue.
    const auto patience = uplink_ ? std::chrono::milliseconds(0) : kTurn;
    if (auto batch = queue_.pop(patience)) spool_one(std::move(*batch));
    if (uplink_ && !stopping_.load() && queue_.status().waiting == 0) uplink_->poll(kTurn);
    publish();
    last_turn_ = std::chrono::steady_clock::now();
  }
  while (auto batch = queue_.pop(std::chrono::milliseconds(0))) spool_one(std::move(*batch));
  publish();
  const std::lock_guard lock(mutex_);
  uplink_.reset();
}

void ShipLoop::spool_one(flow::Batch batch) {
  const auto stored = spool_->append(std::move(batch));
  const std::string fault = stored ? std::string() : stored.error().message;
  if (fault != spool_fault_) {
    if (fault.empty()) {
      spdlog::info("the spool can be written again");
    } else {
      spdlog::error("the spool cannot be written, batches are kept in memory: {}", fault);
    }
  }
  spool_fault_ = fault;
}

void ShipLoop::take_new_uplink() {
  std::optional<ship::UplinkOptions> options;
  std::unique_ptr<ship::Uplink> old;
  {
    const std::lock_guard lock(mutex_);
    if (!new_uplink_) return;
    options = *std::exchange(new_uplink_, std::nullopt);
    old = std::move(uplink_);
    ships_ = options.has_value();
    uplink_options_fault_.clear();
  }
  old.reset();  // before the new one: the collector takes one stream a gateway
  uplink_connected_ = false;
  uplink_fault_.clear();
  uplink_options_ = options;
  uplink_epoch_ = spool_->status().epoch;
  if (!options) return;
  options->take_alert = [this](std::string json) { return alerts_.take(std::move(json)); };
  auto made = ship::Uplink::create(*options, source_);
  if (!made) spdlog::error("nothing is shipped: {}", made.error().message);
  const std::lock_guard lock(mutex_);
  if (made) {
    uplink_ = std::move(*made);
  } else {
    uplink_options_fault_ = made.error().message;
  }
}

void ShipLoop::renew_for_epoch() {
  // A spool that had to begin anew counts anew: the collector has to be told so by a new stream.
  if (!uplink_ || spool_->status().epoch == uplink_epoch_) return;
  spdlog::warn("the spool has begun a new epoch: what it can no longer tell is named as a gap");
  set_uplink(uplink_options_);
}

void ShipLoop::publish() {
  std::optional<ship::UplinkStatus> uplink;
  if (uplink_) {
    uplink = uplink_->status();
    log_uplink(*uplink);
  }
  auto spool = spool_->status();
  const std::lock_guard lock(mutex_);
  if (!uplink && ships_) {
    uplink.emplace();
    uplink->fault = uplink_options_fault_;
  }
  status_ = {std::move(spool), std::move(uplink)};
}

void ShipLoop::log_uplink(const ship::UplinkStatus& status) {
  if (status.connected != uplink_connected_) {
    if (status.connected) spdlog::info("connected to the collector; it has {} batches", status.acknowledged_sequence);
    else if (status.fault.empty()) spdlog::warn("the connection to the collector ended");
  }
  if (!status.connected && !status.fault.empty() && status.fault != uplink_fault_) {
    spdlog::warn("no connection to the collector: {}", status.fault);
  }
  if (status.malformed_alerts > 0 && !std::exchange(told_of_malformed_alerts_, true)) {
    spdlog::warn("the collector sent an alert that cannot be read: passed over, and what follows of the kind");
  }
  uplink_connected_ = status.connected;
  uplink_fault_ = status.fault;
}

ShipStatus ShipLoop::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace iris::agent
